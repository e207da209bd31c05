// What a greedy asks at each step: the loss that each candidate would give.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "quorate/library/predictions.h"
#include "quorate/select/metric.h"

namespace quorate {

// Throws std::invalid_argument for hard votes where the metric needs probabilities.
void check_suits(Metric metric, const Predictions& predictions);

// Holds a multiset of picks, empty at first.
class Scorer {
 public:
  virtual ~Scorer() = default;
  virtual void clear() = 0;
  virtual void add(std::size_t model) = 0;
  // losses[m] of each m in `models`: of the mean of the picks and one more m. `losses` is of [all models]; the others are
  // left as they are. The same for any number of threads.
  virtual void score(std::span<const int> models, std::span<double> losses) = 0;
};

// `predictions` must outlive the scorer.
std::unique_ptr<Scorer> make_log_loss_scorer(const Predictions& predictions, int threads);
std::unique_ptr<Scorer> make_accuracy_scorer(const Predictions& predictions, int threads);
std::unique_ptr<Scorer> make_brier_scorer(const Predictions& predictions, int threads);
std::unique_ptr<Scorer> make_scorer(Metric metric, const Predictions& predictions, int threads);

// One thread where the work of a call would not pay for starting more.
inline int threads_worth(std::size_t operations, int threads) { return operations < 100'000 ? 1 : threads; }

}  // namespace quorate
