// Ridge-logistic regression.
#pragma once

#include <span>
#include <vector>

#include "quorate/core/view.h"

namespace quorate {

// The weights w [features + 1], the last one the intercept, that minimise over `rows` of x
//
//     sum -y log s - (1 - y) log(1 - s) + ridge / 2 |w / scale|^2 + 1e-6 / 2 intercept^2,   s = sigmoid(w . x + intercept),
//
// y in [0, 1]; features are standardised inside (a constant one gets weight 0) and the weights given for x as it is.
// Newton's method, steps halved until the loss falls, until it falls by less than 1e-10 of itself. O(steps x rows x
// features^2).
std::vector<double> fit_logistic(MatrixView<const double> x, std::span<const double> y, std::span<const std::size_t> rows,
                                 double ridge);

// Solves a z = b for a symmetric positive definite [n, n], by Cholesky's decomposition. Overwrites both: b becomes z.
void solve_positive(std::span<double> a, std::span<double> b);

}  // namespace quorate
