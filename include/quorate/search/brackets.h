// The fixed part of Hyperband: which rungs there are, and how new trials are spread over the brackets.
#pragma once

#include <cstdint>
#include <vector>

namespace quorate {

// A factor of at least 1.1, kept as a whole number of thousandths, so that all that is derived from it is exact integer
// arithmetic: 2.5 is 5/2, 3 is 3, and e is 2.718. Rounds to the nearest thousandth; throws std::invalid_argument below
// 1.1, above 1e6 and for NaN.
class ReductionFactor {
 public:
  explicit ReductionFactor(double eta);

  std::int64_t divide(std::int64_t count) const;                   // floor(count / eta), count >= 0
  std::int64_t divide_often(std::int64_t count, int times) const;  // floor(count / eta^times), count >= 0
  double value() const { return static_cast<double>(thousandths_) / 1000.0; }
  bool operator==(const ReductionFactor&) const = default;

 private:
  std::int64_t thousandths_;
};

// The rungs' resources, ascending: floor(max_resource / eta^k) for k = 0, 1, 2 ... while that is at least min_resource,
// equal ones once. Exact, so no rung is lost: for R = 243, eta = 3 there are 6, as there should be. Throws
// std::invalid_argument unless 1 <= min_resource <= max_resource.
std::vector<std::int64_t> rung_resources(std::int64_t min_resource, std::int64_t max_resource, const ReductionFactor& eta);

// How many configurations Hyperband starts in each bracket, by brackets' numbers. Our bracket b leaves out the b lowest
// rungs, so of `rungs` rungs it has s + 1 = rungs - b, and s is the s of Li et al. 2018, Algorithm 1, with s_max + 1 =
// rungs:
//     n = ceil((s_max + 1) / (s + 1) * eta^s)
// R = 81, eta = 3: {81, 34, 15, 8, 5}. Asynchronous Hyperband draws a trial's bracket in proportion to these.
std::vector<double> bracket_sizes(std::size_t rungs, const ReductionFactor& eta);

}  // namespace quorate
