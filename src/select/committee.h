// What a committee answers, by its definition.
#pragma once

#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate {

class Committee {
 public:
  // Throws std::invalid_argument where check() does, and for mean logits of anything but probabilities.
  Committee(const Predictions& predictions, Ensemble ensemble);

  // The scores (values) of samples [first, first + rows), written to `out` [rows, classes].
  void scores(std::size_t first, std::size_t rows, std::span<double> out) const;

 private:
  Predictions source_;  // whose scores are averaged: the predictions, or their logarithms
  Ensemble ensemble_;
};

// Scores that are closer than this are equal: they were summed in different orders.
inline constexpr double kScoreTie = 1e-12;

// The class of highest score; of equal classes the lowest.
std::size_t answer_of(std::span<const double> scores);

}  // namespace quorate
