// What tiers cost. One formula for search and evaluation, so that their figures agree to the last bit.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate {

// Of one sample through the members: sum^(1 - parallelism) x dearest^parallelism, the sum in their order.
double tier_cost(std::span<const int> members, std::span<const double> cost, double parallelism);

// The same where each sample costs what it costs.
double tier_cost(std::span<const int> members, const ModelCosts& cost, std::size_t sample, double parallelism);

// The most that any sample costs.
double worst_cost(std::span<const int> members, const ModelCosts& cost, double parallelism);

inline double share_of(std::size_t reached, std::size_t samples) {
  return static_cast<double>(reached) / static_cast<double>(samples);
}

// What a sample costs on average at a tier that `reached` of `samples` reach; summed over tiers in order. At most `cost`.
inline double expected_cost(double cost, std::size_t reached, std::size_t samples) {
  return cost * share_of(reached, samples);
}

}  // namespace quorate
