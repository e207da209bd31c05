#include <algorithm>
#include <map>
#include <optional>

#include "quorate/core/parallel.h"
#include "route/cost.h"
#include "route/extend.h"

namespace quorate {
namespace {

// Outcomes of so many bytes are held at once; the tiers before them are asked again for each batch.
constexpr std::size_t kBatchBytes = std::size_t{64} << 20;

using Traces = std::map<std::uint32_t, std::optional<TierTrace>>;

Traces traces_of(const Search& search, std::span<const Found> cascades) {
  Traces traces;
  for (const Found& cascade : cascades)
    for (const std::uint32_t tier : cascade.tiers) traces[tier];
  std::vector<Traces::iterator> slots;
  for (auto at = traces.begin(); at != traces.end(); ++at) slots.push_back(at);
  parallel_for(slots.size(), search.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) slots[i]->second = ask(search.predictions, search.pool.tiers[slots[i]->first]);
  });
  return traces;
}

// What a cascade of several tiers makes of each sample.
Tail tail_of(const Search& search, const Found& cascade, const Traces& traces) {
  Tail tail;
  for (const std::uint32_t tier : cascade.tiers) tail.cost.push_back(search.pool.tiers[tier].cost);
  tail.outcome.resize(search.predictions.samples());
  std::vector<const TierTrace*> tiers;
  for (const std::uint32_t tier : cascade.tiers) tiers.push_back(&*traces.at(tier));
  for (std::size_t sample = 0; sample < tail.outcome.size(); ++sample) {
    const std::size_t k = stopping_tier(tiers, cascade.thresholds, sample);
    tail.outcome[sample] = Outcome(k, tiers[k]->wrong[sample] != 0);
  }
  return tail;
}

std::vector<Tail> tails_of(const Search& search, std::span<const Found> cascades) {
  const bool single = cascades.front().tiers.size() == 1;  // all have the same depth
  const Traces traces = single ? Traces() : traces_of(search, cascades);
  std::vector<Tail> tails(cascades.size());
  parallel_for(tails.size(), search.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Tier& first = search.pool.tiers[cascades[i].tiers.front()];
      tails[i] = single ? last_tier(ask(search.predictions, first), first.cost) : tail_of(search, cascades[i], traces);
    }
  });
  return tails;
}

}  // namespace

FoundFront prepend(const Search& search, const FoundFront& front, std::size_t depth) {
  const std::vector<Found> rest = extended(search, front, depth);
  const std::size_t batch = std::max<std::size_t>(1, kBatchBytes / search.predictions.samples());
  FoundFront result = front;
  for (std::size_t from = 0; from < rest.size(); from += batch) {
    const auto cascades = std::span(rest).subspan(from, std::min(batch, rest.size() - from));
    const std::vector<Tail> tails = tails_of(search, cascades);
    const CheapestByErrors best =
        cheapest(search, result, search.pool.tiers.size(), [&](std::size_t index, CheapestByErrors& table) {
          if (!search.pool.may_stop[index]) return;
          const auto tier = static_cast<std::uint32_t>(index);
          Stage stage = make_stage(ask(search.predictions, search.pool.tiers[index]));
          stage.cost_before = expected_cost(search.pool.tiers[index].cost, stage.samples, stage.samples);
          for (std::uint32_t i = 0; i < tails.size(); ++i) {
            std::vector<std::uint32_t> tiers = {tier};
            tiers.insert(tiers.end(), cascades[i].tiers.begin(), cascades[i].tiers.end());
            if (search.fits(tiers)) sweep(stage, tails[i], tier, i, table);
          }
        });
    result = with_table(search, result, best, 0, [&](std::uint32_t first, std::uint32_t second) {
      Found found = cascades[second];
      found.tiers.insert(found.tiers.begin(), first);
      return found;
    });
  }
  return result;
}

}  // namespace quorate
