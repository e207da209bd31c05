// What a committee is judged by. Metrics are minimised: lower is better, 0 is perfect.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate {

// With p the committee's scores of a sample (see Pooling) and y its true class, the weighted mean over samples of
//   kLogLoss   "log_loss"   -log p[y], p[y] clipped to [1e-15, 1]; rows are not rescaled to sum to 1
//   kAccuracy  "accuracy"   1 where the answer is not y, else 0: the error rate. The answer is the class of highest p; of
//                           classes within 1e-12 of it, the lowest
//   kBrier     "brier"      the sum over classes of (p[c] - [c = y])^2, in [0, 2] (Brier 1950; twice the form that counts
//                           one class of two)
// or, which are no means over samples,
//   kBalancedAccuracy  "balanced_accuracy"  1 - the mean, over the classes that are the truth of some sample, of the share
//                                           of their samples that are answered right
//   kMacroF1           "macro_f1"           1 - the mean, over the classes that are the truth or the answer of some sample,
//                                           of 2 TP / (2 TP + FP + FN); shares and counts are of weights
// or, of predictions of values (regression), with v the committee's values and t the targets,
//   kMse               "mse"                the weighted mean over samples of the mean over outputs of (v - t)^2
// The definitions are scikit-learn's where it has them.
enum class Metric { kLogLoss, kAccuracy, kBrier, kBalancedAccuracy, kMacroF1, kMse };

inline constexpr double kLeastProbability = 1e-15;  // what log loss and mean logits clip at

// Throws std::invalid_argument, listing the names, for any other.
Metric metric_from_name(std::string_view name);
std::string name_of(Metric metric);

// The ensemble's loss on these predictions. `sample_weight` [samples]: not negative, finite, of positive sum; empty: all
// alike. Sums are in double, in a fixed order: the same for any number of threads (0: all cores).
// O(members x samples x classes) time, for log loss of mean probabilities O(members x samples). Throws
// std::invalid_argument where check() does, for log loss and Brier score of hard votes, which have no probabilities, for
// another metric than kMse of values and for kMse of anything else, and for other weights.
double loss(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads = 0,
            std::span<const double> sample_weight = {});

}  // namespace quorate
