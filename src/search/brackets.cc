#include "quorate/search/brackets.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"

namespace quorate {
namespace {

constexpr std::int64_t kThousand = 1000;

std::int64_t thousandths(double eta) {
  require(eta >= 1.1 && eta <= 1e6, "eta is ", eta, ", but must be from 1.1 to 1e6");
  return std::llround(eta * static_cast<double>(kThousand));
}

}  // namespace

ReductionFactor::ReductionFactor(double eta) : thousandths_(thousandths(eta)) {}

std::int64_t ReductionFactor::divide(std::int64_t count) const {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(static_cast<Wide>(count) * kThousand / thousandths_);
}

// count * 1000^times as a number of as many 32-bit digits as it takes, least first, divided `times` times by the
// thousandths: rounding whole numbers down at each division is rounding down once.
std::int64_t ReductionFactor::divide_often(std::int64_t count, int times) const {
  constexpr int kBits = 32;
  const auto divisor = static_cast<std::uint64_t>(thousandths_);
  const auto whole = static_cast<std::uint64_t>(count);
  std::vector<std::uint64_t> digits{whole & 0xffffffffu, whole >> kBits};
  for (int i = 0; i < times; ++i) {
    std::uint64_t carry = 0;
    for (std::uint64_t& digit : digits) {
      carry += digit * kThousand;
      digit = carry & 0xffffffffu;
      carry >>= kBits;
    }
    if (carry != 0) digits.push_back(carry);
  }
  for (int i = 0; i < times; ++i) {
    std::uint64_t rest = 0;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
      rest = rest << kBits | *digit;
      *digit = rest / divisor;
      rest %= divisor;
    }
  }
  return static_cast<std::int64_t>(digits[1] << kBits | digits[0]);
}

std::vector<std::int64_t> rung_resources(std::int64_t min_resource, std::int64_t max_resource, const ReductionFactor& eta) {
  require(min_resource >= 1, "min_resource is ", min_resource, ", but must be at least 1");
  require(max_resource >= min_resource, "max_resource is ", max_resource, ", but must be at least min_resource, ",
          min_resource);
  std::vector<std::int64_t> resources;
  std::int64_t resource = max_resource;
  for (int times = 1; resource >= min_resource; resource = eta.divide_often(max_resource, times++))
    if (resources.empty() || resource < resources.back()) resources.push_back(resource);
  std::reverse(resources.begin(), resources.end());
  return resources;
}

std::vector<double> bracket_sizes(std::size_t rungs, const ReductionFactor& eta) {
  std::vector<double> sizes;
  double power = 1.0;  // exact for whole eta below 2^53, and then the quotient is rounded up exactly where it matters
  for (std::size_t s = 0; s < rungs; ++s) {
    sizes.push_back(std::ceil(static_cast<double>(rungs) * power / static_cast<double>(s + 1)));
    power *= eta.value();
  }
  std::reverse(sizes.begin(), sizes.end());
  return sizes;
}

}  // namespace quorate
