// The inner products between models' errors: what sums of squares of any committee's errors are made of.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/library/predictions.h"

namespace quorate {

// With e_m = p_m - y the errors of model m on all samples and classes (outputs) as one long vector, y being 1 at the true
// class and 0 elsewhere (targets), and w the samples' weights.
struct Products {
  std::vector<double> of;    // [models, models]: the sum of w e_a e_b
  std::vector<double> norm;  // [models], see below
  double relative_error;     // of(a, b) is within relative_error norm[a] norm[b] of what it stands for

  double operator()(std::size_t a, std::size_t b) const { return of[a * norm.size() + b]; }
};

// One pass over the scores, in float: about models^2 / 2 x samples x classes multiplications, which for hundreds of models
// takes little more than reading them, and less than a pass for each pick. The same for any number of threads.
Products products_of_errors(const Predictions& predictions, std::span<const double> weights, int threads);

// Of votes, from counts of equal answers: in double.
Products products_of_votes(const Predictions& votes, std::span<const double> weights, int threads);

}  // namespace quorate
