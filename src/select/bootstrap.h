// A metric under resampling of its samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/select/metric.h"

namespace quorate {

// What a metric needs to know of one ensemble: sample_losses(), and for kMacroF1 answers() instead.
struct SampleResults {
  std::vector<double> losses;         // [samples]
  std::vector<std::int32_t> answers;  // [samples]
};

SampleResults sample_results(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads);

// The metric itself, as loss() has it.
double loss_of(Metric metric, const SampleResults& results, const Predictions& predictions,
               std::span<const double> sample_weight);

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
