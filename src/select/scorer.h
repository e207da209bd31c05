// What a greedy asks at each step: the loss that each candidate would give.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/metric.h"

namespace quorate {

// Holds a multiset of picks, empty at first.
class Scorer {
 public:
  virtual ~Scorer() = default;
  virtual void clear() = 0;
  virtual void add(std::size_t model) = 0;

  // Takes a pick back. False, and nothing has changed, where a scorer has to begin anew.
  virtual bool remove(std::size_t) { return false; }

  // losses[m] of each m in `models`: of the picks and one more m, combined. `losses` is of [all models]; the others are
  // left as they are. The same for any number of threads and within error() of the loss by its definition, in exact
  // arithmetic.
  virtual void score(std::span<const int> models, std::span<double> losses) = 0;

  // score() of at least those of `models` that may have the least loss or tie with it, which are returned, ascending.
  virtual std::vector<int> score_least(std::span<const int> models, std::span<double> losses) {
    score(models, losses);
    return {models.begin(), models.end()};
  }

  // A proven bound for the picks held now; it may shrink with more of them.
  virtual double error() const = 0;

  // The loss of the picks and one more `model` by the definition, in double: what is asked where score() leaves two
  // candidates too close to tell.
  virtual double exact(std::size_t model) = 0;
};

// What is scored. `predictions` must outlive the scorer.
struct Scoring {
  const Predictions& predictions;
  Metric metric = Metric::kLogLoss;
  Pooling combine = Pooling::kMean;
  std::span<const double> sample_weight = {};  // [samples]; empty: all alike
  int threads = 0;
  std::string_view device = "cpu";  // or "cuda:0" and so on
};

// Throws std::invalid_argument where the metric, the combination and the kind of predictions do not go together, and for
// weights that are not as loss() wants them.
void check_suits(const Scoring& scoring);

std::unique_ptr<Scorer> make_scorer(const Scoring& scoring);

// One thread where the work of a call would not pay for waking more.
inline int threads_worth(std::size_t operations, int threads) { return operations < 40'000 ? 1 : threads; }

}  // namespace quorate
