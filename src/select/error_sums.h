// The sum of several models' errors, in double: what a candidate's is multiplied with to know its loss exactly.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "select/chunks.h"
#include "select/score_weights.h"
#include "select/scorer.h"

namespace quorate {

// With e_m = p_m - y the errors of model m on all samples and classes (outputs) as one long vector, y being 1 at the true
// class and 0 elsewhere (targets), and products of such vectors weighted by sample.
class ErrorSums {
 public:
  using Picks = std::map<std::size_t, double>;  // how often each

  struct Product {
    double with_sum = 0.0;
    double with_itself = 0.0;
  };

  ErrorSums(const Scoring& scoring, const ScoreWeights& weights);

  // Passes over the scores of a model that hold() would take.
  std::size_t passes_to(const Picks& picks) const;

  // The sum is of these from now on.
  void hold(const Picks& picks);

  Product with(std::size_t model);
  // The same, and the sum is also of this model from now on.
  Product add(std::size_t model);

 private:
  Picks changes_to(const Picks& picks) const;  // none of 0
  bool begins_anew(const Picks& picks, const Picks& changes) const;
  Product pass(std::size_t model, double times);
  Product of_rows(const float* scores, std::size_t first, std::size_t rows, double times);

  const Predictions& predictions_;
  const ScoreWeights& weights_;
  Chunks chunks_;
  int threads_;
  Picks held_;
  int taken_back_ = 0;
  std::vector<double> sums_;  // [samples, classes]; empty until something is held
};

}  // namespace quorate
