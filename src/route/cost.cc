#include "route/cost.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"

namespace quorate {

void check_cost(std::span<const double> cost, std::size_t models) {
  require(cost.size() == models, "cost has ", cost.size(), " entries, but there are ", models, " models");
  for (std::size_t m = 0; m < cost.size(); ++m)
    require(std::isfinite(cost[m]) && cost[m] >= 0.0, "cost[", m, "] is ", cost[m], ", but must be finite and at least 0");
}

double tier_cost(std::span<const int> members, std::span<const double> cost, bool parallel) {
  double total = 0.0;
  for (const int member : members) {
    const double one = cost[static_cast<std::size_t>(member)];
    total = parallel ? std::max(total, one) : total + one;
  }
  return total;
}

}  // namespace quorate
