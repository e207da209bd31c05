#include "search/sobol.h"

#include <bit>

#include "core/message.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

constexpr std::uint16_t kDirections[] = {
#include "search/sobol_directions.inc"
};

constexpr int kDigits = 53;

// The first dimension: van der Corput's sequence.
std::array<std::uint64_t, 64> powers() {
  std::array<std::uint64_t, 64> result;
  for (std::size_t k = 0; k < result.size(); ++k) result[k] = std::uint64_t{1} << (63 - k);
  return result;
}

// Joe and Kuo, equation 2, with digits aligned to the left.
std::array<std::uint64_t, 64> recurrence(std::uint64_t polynomial, std::span<const std::uint16_t> initial) {
  const std::size_t degree = initial.size();
  std::array<std::uint64_t, 64> result;
  for (std::size_t k = 0; k < degree; ++k) result[k] = static_cast<std::uint64_t>(initial[k]) << (63 - k);
  for (std::size_t k = degree; k < result.size(); ++k) {
    result[k] = result[k - degree] ^ (result[k - degree] >> degree);
    for (std::size_t j = 1; j < degree; ++j)
      if (polynomial >> (degree - j) & 1) result[k] ^= result[k - j];
  }
  return result;
}

// SplitMix64's output function.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

SobolSequence::SobolSequence(std::size_t dimensions, std::uint64_t seed) {
  require(dimensions <= kMostDimensions, "space has ", dimensions, " parameters, but must have at most ", kMostDimensions,
          " with sampling \"sobol\"");
  const std::uint16_t* next = kDirections;
  for (std::size_t d = 0; d < dimensions; ++d) {
    // Counted from the top: AsyncHyperband's streams for trials count from 0.
    keys_.push_back(Random(seed, ~static_cast<std::uint64_t>(d)).next());
    if (d == 0) {
      directions_.push_back(powers());
      continue;
    }
    const std::uint64_t polynomial = *next++;
    const auto degree = static_cast<std::size_t>(std::bit_width(polynomial) - 1);
    directions_.push_back(recurrence(polynomial, {next, degree}));
    next += degree;
  }
}

std::uint64_t SobolSequence::digits(std::int64_t n, std::size_t dimension) const {
  const auto index = static_cast<std::uint64_t>(n);
  std::uint64_t result = 0;
  for (std::uint64_t gray = index ^ index >> 1; gray != 0; gray &= gray - 1)
    result ^= directions_[dimension][static_cast<std::size_t>(std::countr_zero(gray))];
  return result;
}

void SobolSequence::at(std::int64_t n, std::span<double> point) const {
  for (std::size_t d = 0; d < dimensions(); ++d)
    point[d] = static_cast<double>(nested_scramble(digits(n, d), keys_[d]) >> (64 - kDigits)) * 0x1p-53;
}

std::uint64_t nested_scramble(std::uint64_t digits, std::uint64_t key) {
  std::uint64_t flips = 0;
  for (int i = 0; i < kDigits; ++i) {
    // The digits before the i-th, led by a 1: a number of its own for each node of the tree of digits.
    const std::uint64_t node = (digits >> 1 | std::uint64_t{1} << 63) >> (63 - i);
    flips |= mix(key + node * 0x9e3779b97f4a7c15ull) >> 63 << (63 - i);
  }
  return (digits ^ flips) >> (64 - kDigits) << (64 - kDigits);
}

}  // namespace quorate
