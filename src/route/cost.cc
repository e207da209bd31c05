#include "route/cost.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

template <class CostOf>
double combined(std::span<const int> members, double parallelism, const CostOf& cost_of) {
  double sum = 0.0;
  double dearest = 0.0;
  for (const int member : members) {
    const double one = cost_of(static_cast<std::size_t>(member));
    sum += one;
    dearest = std::max(dearest, one);
  }
  // The ends are exact, and a free tier is free: pow would give 0^0 = 1 for none.
  if (parallelism == 0.0 || members.size() == 1) return sum;
  if (parallelism == 1.0) return dearest;
  return std::pow(sum, 1.0 - parallelism) * std::pow(dearest, parallelism);
}

}  // namespace

double tier_cost(std::span<const int> members, std::span<const double> cost, double parallelism) {
  return combined(members, parallelism, [&](std::size_t model) { return cost[model]; });
}

double tier_cost(std::span<const int> members, const ModelCosts& cost, std::size_t sample, double parallelism) {
  return combined(members, parallelism, [&](std::size_t model) { return cost.at(model, sample); });
}

double worst_cost(std::span<const int> members, const ModelCosts& cost, double parallelism) {
  if (!cost.per_sample()) return tier_cost(members, cost.means(), parallelism);
  double worst = 0.0;
  for (std::size_t sample = 0; sample < cost.samples(); ++sample)
    worst = std::max(worst, tier_cost(members, cost, sample, parallelism));
  return worst;
}

}  // namespace quorate
