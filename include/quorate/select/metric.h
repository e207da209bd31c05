// What a committee is judged by. Metrics are minimised: lower is better, 0 is perfect.
#pragma once

#include <string>
#include <string_view>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate {

// With p the scores of a sample (of an ensemble: the weighted mean of its members' scores) and y its true class, the mean
// over samples of
//   kLogLoss   "log_loss"  -log p[y], p[y] clipped to [1e-15, 1]; rows are not rescaled to sum to 1
//   kAccuracy  "accuracy"  1 where the class of highest p (ties: the lowest class) is not y, else 0: the error rate
//   kBrier     "brier"     the sum over classes of (p[c] - [c = y])^2, in [0, 2] (Brier 1950; twice the form that counts one
//                          class of two)
enum class Metric { kLogLoss, kAccuracy, kBrier };

inline constexpr double kLeastProbability = 1e-15;  // what log loss clips at

// Throws std::invalid_argument, listing the names, for any other.
Metric metric_from_name(std::string_view name);
std::string name_of(Metric metric);

// The ensemble's loss on these predictions. Sums are in double, in a fixed order: the same for any number of threads (0: all
// cores). O(members x samples x classes) time, for log loss O(members x samples). Throws std::invalid_argument where check()
// does, or for log loss and Brier score of hard votes, which have no probabilities.
double loss(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads = 0);

}  // namespace quorate
