// A metric, taken apart: what loss() makes of each sample, and how it puts them together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/select/metric.h"

namespace quorate {

// What a metric needs to know of one ensemble.
struct SampleResults {
  std::vector<double> losses;  // [samples]: the term of the mean; of kBalancedAccuracy 1 where the answer is wrong, else 0
  std::vector<std::int32_t> answers;  // [samples], of kMacroF1 alone, which has no losses
};

// Of each ensemble, all of one Pooling, from one pass over the predictions; without the checks of loss().
std::vector<SampleResults> sample_results(Metric metric, const Predictions& predictions, std::span<const Ensemble> ensembles,
                                          int threads);

// The metric itself.
double loss_of(Metric metric, const SampleResults& results, const Predictions& predictions,
               std::span<const double> sample_weight);

// loss() of each.
std::vector<double> losses(Metric metric, const Predictions& predictions, std::span<const Ensemble> ensembles, int threads,
                           std::span<const double> sample_weight);

}  // namespace quorate
