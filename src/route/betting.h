// A one-sided test of a mean by betting, for loss differences of -1, 0 or 1.
#pragma once

#include <cstdint>
#include <span>

namespace quorate {

// Bets against "the mean of d is at least `mean`", for mean < 1: the logarithm of the most capital that is ever held, from a
// start of 1. Under that hypothesis and independent draws it exceeds log(1 / delta) with probability at most delta.
// Ascending in `mean`. O(d).
double log_capital(std::span<const std::int8_t> d, double mean, double delta);

// The upper confidence bound of level 1 - delta for the mean: the least mean that the test rejects; 1 where it rejects none.
double upper_bound(std::span<const std::int8_t> d, double delta);

}  // namespace quorate
