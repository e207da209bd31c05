// A first look at all boxes of a prefix's cascades at once, by counting: what the walks need not look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "route/boxes_descent.h"
#include "route/boxes_prefix.h"
#include "route/known_front.h"

namespace quorate {

// The most errors that a useful cascade may have, by its cost, in equal steps of cost.
struct CostBins {
  std::vector<std::int32_t> errors;  // [bins]: of any cost in the bin and the one before it
  float first = 0.0f;
  float per_cost = 0.0f;

  // `gap_errors`: how much better than `known` it must be; 0: or as good.
  CostBins(const KnownFront& known, double gap_errors);
};

// A last tier, by its place among the prefix's, and what it costs.
struct SurveyLast {
  std::uint32_t place;
  double cost;
};

// For each of `last`: the boxes of `window` positions that may hold a useful cascade. `cost`: of the prefix's tiers.
std::vector<std::vector<Box>> survey(const Prefix& prefix, std::span<const double> cost, std::span<const SurveyLast> last,
                                     const CostBins& bins, std::size_t window);

}  // namespace quorate
