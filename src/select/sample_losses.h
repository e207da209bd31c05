// A metric, taken apart: what loss() makes of each sample, and how it puts them together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/select/metric.h"

namespace quorate {

// [samples], without the checks of loss(): the term of the mean; of kBalancedAccuracy and kMacroF1 1 where the answer is
// wrong, else 0.
std::vector<double> sample_losses(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads);

// [samples]
std::vector<std::int32_t> answers(const Predictions& predictions, const Ensemble& ensemble, int threads);

// `weight` [samples]; empty: all alike. Sums in the order of the samples.
double weighted_mean(std::span<const double> losses, std::span<const double> weight);
double balanced_error(std::span<const double> wrong, std::span<const std::int32_t> labels, std::size_t classes,
                      std::span<const double> weight);
double macro_f1_loss(std::span<const std::int32_t> answers, std::span<const std::int32_t> labels, std::size_t classes,
                     std::span<const double> weight);

}  // namespace quorate
