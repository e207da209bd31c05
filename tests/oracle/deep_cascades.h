// All cascades of a depth the slow and obvious way: every ordered choice of tiers, every threshold of each, every sample.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "route/cost.h"
#include "route/extend.h"
#include "route/trace.h"

namespace quorate::oracle {

// The thresholds that decide differently, the highest first.
inline std::vector<double> thresholds_of(const TierTrace& tier) {
  std::set<double, std::greater<>> thresholds = {kNeverStops};
  thresholds.insert(tier.certainty.begin(), tier.certainty.end());
  return {thresholds.begin(), thresholds.end()};
}

inline Found run(const Search& search, const std::vector<std::uint32_t>& tiers, const std::vector<TierTrace>& traces,
                 const std::vector<double>& thresholds, std::vector<std::size_t>& reached) {
  const std::size_t samples = search.predictions.samples();
  Found found{.tiers = tiers, .thresholds = thresholds};
  reached.assign(tiers.size(), 0);
  for (std::size_t sample = 0; sample < samples; ++sample) {
    std::size_t k = 0;
    ++reached[0];
    while (k + 1 < tiers.size() && traces[k].certainty[sample] < thresholds[k]) ++reached[++k];
    found.errors += traces[k].wrong[sample];
  }
  found.loss = static_cast<double>(found.errors) / static_cast<double>(samples);
  for (std::size_t k = 0; k < tiers.size(); ++k)
    found.cost += expected_cost(search.pool.tiers[tiers[k]].cost, reached[k], samples);
  return found;
}

// Every cascade of `depth` tiers within the search's limits: by the tiers' places, then by the thresholds, the highest
// first.
inline std::vector<Found> all_cascades(const Search& search, std::size_t depth) {
  std::vector<Found> result;
  std::vector<std::uint32_t> tiers;
  const auto add_thresholds = [&](auto&& self, const std::vector<TierTrace>& traces,
                                  std::vector<double>& thresholds) -> void {
    if (thresholds.size() + 1 < depth) {
      for (const double threshold : thresholds_of(traces[thresholds.size()])) {
        thresholds.push_back(threshold);
        self(self, traces, thresholds);
        thresholds.pop_back();
      }
      return;
    }
    std::vector<std::size_t> reached;
    Found found = run(search, tiers, traces, thresholds, reached);
    if (within_means(search, tiers, reached)) result.push_back(std::move(found));
  };
  const auto add_tiers = [&](auto&& self) -> void {
    if (tiers.size() == depth) {
      if (!search.fits(tiers)) return;
      Cascade cascade;
      for (const std::uint32_t tier : tiers) cascade.tiers.push_back(search.pool.tiers[tier]);
      cascade.combine = search.combine;
      std::vector<double> thresholds;
      return add_thresholds(add_thresholds, trace(cascade, search.predictions, 1), thresholds);
    }
    for (std::uint32_t tier = 0; tier < search.pool.tiers.size(); ++tier) {
      if (tiers.size() + 1 < depth && !search.pool.may_stop[tier]) continue;
      tiers.push_back(tier);
      self(self);
      tiers.pop_back();
    }
  };
  add_tiers(add_tiers);
  return result;
}

// `front` with them: of equals the earliest.
inline FoundFront with_all(const Search& search, const FoundFront& front, std::size_t depth) {
  std::vector<Found> points(front.begin(), front.end());
  for (Found& found : all_cascades(search, depth)) points.push_back(std::move(found));
  return FoundFront(std::move(points));
}

}  // namespace quorate::oracle
