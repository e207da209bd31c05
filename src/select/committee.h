// What committees answer, by the definition.
#pragma once

#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate {

// Scores that are closer than this are equal: they were summed in different orders.
inline constexpr double kScoreTie = 1e-12;

// The class of highest score; of equal classes the lowest.
std::size_t answer_of(std::span<const double> scores);

// Several over the same predictions, so that a model which is in many of them is read once.
class Committees {
 public:
  // Throws std::invalid_argument where check() does, and for mean logits of anything but probabilities or votes of values.
  // `ensembles` must outlive it, and be of one Pooling.
  Committees(const Predictions& predictions, std::span<const Ensemble> ensembles);

  // The members' scores of samples [first, first + rows).
  using Rows = std::vector<float>;
  void read(std::size_t first, std::size_t rows, Rows& members) const;

  // The scores (values) of one ensemble from them, written to `out` [rows, classes].
  void scores(std::size_t ensemble, std::size_t rows, const Rows& members, std::span<double> out) const;

 private:
  Predictions source_;  // whose scores are averaged: the predictions, or their logarithms
  std::span<const Ensemble> ensembles_;
  std::vector<int> distinct_;  // members of any, ascending
};

}  // namespace quorate
