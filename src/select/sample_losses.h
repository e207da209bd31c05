// A metric, taken apart: what loss() makes of each sample, and how it puts them together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/select/metric.h"

namespace quorate {

// [ensembles][samples], without the checks of loss(): the term of the mean; of kBalancedAccuracy and kMacroF1 1 where the
// answer is wrong, else 0. The ensembles are of one Pooling.
std::vector<std::vector<double>> sample_losses(Metric metric, const Predictions& predictions,
                                               std::span<const Ensemble> ensembles, int threads);
std::vector<double> sample_losses(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads);

// [ensembles][samples]
std::vector<std::vector<std::int32_t>> answers(const Predictions& predictions, std::span<const Ensemble> ensembles,
                                               int threads);
std::vector<std::int32_t> answers(const Predictions& predictions, const Ensemble& ensemble, int threads);

// loss() of each, from one pass over the predictions.
std::vector<double> losses(Metric metric, const Predictions& predictions, std::span<const Ensemble> ensembles, int threads,
                           std::span<const double> sample_weight);

// `weight` [samples]; empty: all alike. Sums in the order of the samples.
double weighted_mean(std::span<const double> losses, std::span<const double> weight);
double balanced_error(std::span<const double> wrong, std::span<const std::int32_t> labels, std::size_t classes,
                      std::span<const double> weight);
double macro_f1_loss(std::span<const std::int32_t> answers, std::span<const std::int32_t> labels, std::size_t classes,
                     std::span<const double> weight);

}  // namespace quorate
