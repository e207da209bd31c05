// Intervals of shares, and of means under resampling of their samples.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/route/evaluate.h"

namespace quorate {

// The number that a standard normal variable stays below with probability p in (0, 1), by bisection.
double normal_quantile(double p);

// Wilson's score interval of `right` of `samples` (at least 1), clamped so that it holds the share itself.
std::pair<double, double> wilson(std::size_t right, std::size_t samples, double level);

// A binomial number: how many of n happen, each with probability p in [0, 1]. By inversion where few are expected, else by
// transformed rejection (Hoermann 1993, algorithm BTRS).
std::uint64_t binomial(Random& random, std::uint64_t n, double p);

// Means over samples that fall in cells of equal value, under resampling of the samples: the draws' counts are multinomial.
class CellDraws {
 public:
  // `counts` [cells], of sum at least 1.
  CellDraws(std::span<const std::size_t> counts, int draws, Random random);

  // The mean of a cell's value on each draw: [draws]. `values` [cells].
  std::vector<double> means(std::span<const double> values) const;

 private:
  std::size_t cells_;
  std::vector<double> shares_;  // [draws, cells]
};

// `value` between the (1 - level) / 2 and (1 + level) / 2 quantiles of the draws; without draws, between itself.
Estimate estimate(double value, std::vector<double> draws, double level);

}  // namespace quorate
