#include "infer/slowdown.h"

#include <algorithm>
#include <cmath>

#include "infer/median.h"

namespace quorate {

double slowdown_of(const std::vector<double>& ratios) {
  constexpr double kChance = 0.05;
  const auto above = static_cast<std::size_t>(std::ranges::count_if(ratios, [](double ratio) { return ratio > 1.0; }));
  // That fair coins fall on this side as often or more often.
  double chance = 0.0, ways = 1.0;
  for (std::size_t below = 0; below + above <= ratios.size(); ++below) {
    chance += ways * std::pow(0.5, ratios.size());
    ways *= static_cast<double>(ratios.size() - below) / static_cast<double>(below + 1);
  }
  return chance <= kChance ? median(ratios) : 1.0;
}

}  // namespace quorate
