#include <algorithm>

#include "route/cost.h"
#include "route/extend.h"

namespace quorate {
namespace {

// Cascades of the same tiers: what the tiers say of the samples is worked out once for all their thresholds.
struct Family {
  std::vector<std::uint32_t> tiers;
  std::vector<std::uint32_t> cascades;  // of those that are extended
};

std::vector<Family> families_of(const std::vector<Found>& cascades) {
  std::vector<Family> families;
  for (std::uint32_t i = 0; i < cascades.size(); ++i) {
    const auto same = std::find_if(families.begin(), families.end(),
                                   [&](const Family& family) { return family.tiers == cascades[i].tiers; });
    if (same == families.end())
      families.push_back({cascades[i].tiers, {i}});
    else
      same->cascades.push_back(i);
  }
  return families;
}

// The samples that reach the last tier under `thresholds`, and what the others came to.
Stage reaching(const Search& search, const Family& family, std::span<const TierTrace* const> tiers,
               std::span<const double> thresholds, const Stage& all) {
  const std::size_t last = tiers.size() - 1;
  const auto& sample_cost = search.pool.sample_cost;
  Stage stage;
  stage.samples = all.samples;
  std::vector<std::size_t> answered(tiers.size());
  double spent = 0.0;
  for (std::size_t i = 0; i < all.order.size(); ++i) {
    const std::uint32_t sample = all.order[i];
    const std::size_t k = stopping_tier(tiers, thresholds, sample);
    ++answered[k];
    if (k == last) {
      stage.order.push_back(sample);
      stage.certainty.push_back(all.certainty[i]);
      stage.wrong.push_back(all.wrong[i]);
    } else {
      stage.errors_before += tiers[k]->wrong[sample];
    }
    if (!sample_cost.empty())
      for (std::size_t j = 0; j <= k; ++j) spent += sample_cost[family.tiers[j]][sample];
  }
  stage.limited_before.resize(search.mean_limits.size());
  std::size_t reached = all.samples;
  for (std::size_t k = 0; k < tiers.size(); ++k) {
    const std::uint32_t tier = family.tiers[k];
    stage.cost_before += expected_cost(search.pool.tiers[tier].cost, reached, all.samples);
    for (std::size_t l = 0; l < search.mean_limits.size(); ++l)
      stage.limited_before[l] += expected_cost(search.mean_limits[l].of_tier[tier], reached, all.samples);
    reached -= answered[k];
  }
  if (!sample_cost.empty()) stage.cost_before = spent / static_cast<double>(all.samples);
  return stage;
}

}  // namespace

FoundFront append(const Search& search, const FoundFront& front, std::size_t depth) {
  const std::vector<Found> start = extended(search, front, depth);
  const std::vector<Family> families = families_of(start);
  const CheapestByErrors best = cheapest(search, front, families.size(), [&](std::size_t index, CheapestByErrors& table) {
    const Family& family = families[index];
    if (!search.pool.may_stop[family.tiers.back()]) return;
    std::vector<double> means(search.predictions.samples() * search.predictions.classes());
    std::vector<TierTrace> traces;
    for (std::size_t k = 0; k < family.tiers.size(); ++k)
      traces.push_back(ask_and_average(search.predictions, search.pool.tiers[family.tiers[k]], k, means, search.combine));
    const std::vector<const TierTrace*> tiers = pointers(traces);
    const Stage all = make_stage(traces.back().certainty, traces.back().wrong);
    std::vector<Stage> stages;
    for (const std::uint32_t cascade : family.cascades)
      stages.push_back(reaching(search, family, tiers, start[cascade].thresholds, all));

    for (std::uint32_t next = 0; next < search.pool.tiers.size(); ++next) {
      if (!search.pool.may_end[next]) continue;
      std::vector<std::uint32_t> longer = family.tiers;
      longer.push_back(next);
      if (!search.fits(longer)) continue;
      Tier tier = search.pool.tiers[next];
      tier.signal = Signal::kConfidence;  // nobody asks the last tier's certainty: the quickest will do
      const std::vector<std::uint8_t> wrong =
          ask(search.predictions, tier, family.tiers.size(), means, search.combine).wrong;
      const Tail tail = last_tier(search, next, wrong);
      for (std::size_t i = 0; i < stages.size(); ++i)
        sweep(stages[i], tail, search.mean_limits, family.cascades[i], next, table);
    }
  });
  return with_table(search, front, best, depth - 2, [&](std::uint32_t first, std::uint32_t second) {
    Found found = start[first];
    found.tiers.push_back(second);
    return found;
  });
}

}  // namespace quorate
