// What tiers cost. One formula for search and evaluation, so that their figures agree to the last bit.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/route/cascade.h"

namespace quorate {

// Throws std::invalid_argument unless there is one finite cost >= 0 for each model.
void check_cost(std::span<const double> cost, std::size_t models);

// Of one sample through the members: the sum in their order, or the dearest.
double tier_cost(std::span<const int> members, std::span<const double> cost, bool parallel);

// What a sample costs on average at a tier that `reached` of `samples` reach; summed over tiers in order. At most `cost`.
inline double expected_cost(double cost, std::size_t reached, std::size_t samples) {
  return cost * (static_cast<double>(reached) / static_cast<double>(samples));
}

}  // namespace quorate
