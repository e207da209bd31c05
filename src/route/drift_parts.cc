#include "route/drift_parts.h"

#include <algorithm>

#include "route/certainty_cell.h"

namespace quorate {

std::vector<RankMartingale> watched_parts(std::size_t depth, const std::vector<double>& placing) {
  std::vector<RankMartingale> parts;
  if (depth > 1) parts.emplace_back(depth, share_bets(placing));
  for (std::size_t k = 0; k < depth; ++k) parts.emplace_back(kCertaintyCells, shape_bets());
  return parts;
}

Cascade without_early_stops(const Cascade& cascade, double loss) {
  Cascade result = cascade;
  double cost = 0.0;
  for (std::size_t k = 0; k < result.tiers.size(); ++k) {
    if (k + 1 < result.tiers.size()) result.tiers[k].threshold = kNeverStops;
    cost += result.tiers[k].cost;
  }
  result.loss = loss;
  result.cost = std::max(cost, result.worst_cost);
  result.worst_cost = result.cost;
  result.certificate.reset();
  result.found_by += ", fall-back after drift";
  return result;
}

}  // namespace quorate
