// A metric under resampling of its samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/select/metric.h"
#include "select/sample_losses.h"

namespace quorate {

struct Resampling {
  Metric metric = Metric::kLogLoss;
  std::span<const std::int32_t> labels;  // [samples]; empty for values
  std::size_t classes = 0;
  std::span<const double> sample_weight;  // [samples], all positive; empty: all alike
  int draws = 1;
  std::uint64_t seed = 0;
  int threads = 0;
};

// losses[k][d] of results[k] on draw d, whose samples are Random(seed, d).below(samples), as many as there are. The same for
// any number of threads. O(draws x samples x results).
std::vector<std::vector<double>> bootstrap(const Resampling& how, std::span<const SampleResults> results);

// The q quantile, interpolated between the two values next to (n - 1) q (Hyndman and Fan's type 7). Reorders `values`.
double quantile(std::span<double> values, double q);

}  // namespace quorate
