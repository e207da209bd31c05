#include <algorithm>

#include "quorate/core/parallel.h"
#include "route/cost.h"
#include "route/extend.h"

namespace quorate {
namespace {

// Outcomes of so many bytes are held at once; the stages before them are made again for each batch.
constexpr std::size_t kBatchBytes = std::size_t{64} << 20;

std::vector<std::uint8_t> wrong_of(const AskedTiers& asked, std::size_t tier) {
  std::vector<std::uint8_t> wrong(asked.samples);
  for (std::size_t sample = 0; sample < asked.samples; ++sample) wrong[sample] = asked.errs(tier, sample);
  return wrong;
}

// What a cascade makes of each sample.
Tail tail_of(const Search& search, const AskedTiers& asked, const Found& cascade) {
  Tail tail;
  tail.tiers = cascade.tiers;
  for (const std::uint32_t tier : cascade.tiers) tail.cost.push_back(search.pool.tiers[tier].cost);
  tail.outcome.resize(asked.samples);
  const auto& sample_cost = search.pool.sample_cost;
  if (!sample_cost.empty()) tail.sample_cost.assign(asked.samples, 0.0);
  for (std::size_t sample = 0; sample < asked.samples; ++sample) {
    std::size_t k = 0;
    const auto goes_on = [&] {
      return k + 1 < cascade.tiers.size() && !may_stop(asked.certainty_of(cascade.tiers[k])[sample], cascade.thresholds[k]);
    };
    while (goes_on()) ++k;
    tail.outcome[sample] = Outcome(k, asked.errs(cascade.tiers[k], sample));
    if (!sample_cost.empty())
      for (std::size_t j = 0; j <= k; ++j) tail.sample_cost[sample] += sample_cost[cascade.tiers[j]][sample];
  }
  return tail;
}

std::vector<Tail> tails_of(const Search& search, const AskedTiers& asked, std::span<const Found> cascades) {
  std::vector<Tail> tails(cascades.size());
  parallel_for(tails.size(), search.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) tails[i] = tail_of(search, asked, cascades[i]);
  });
  return tails;
}

Stage first_stage(const Search& search, const AskedTiers& asked, std::uint32_t tier) {
  Stage stage = make_stage(asked.certainty_of(tier), wrong_of(asked, tier));
  stage.cost_before = expected_cost(search.pool.tiers[tier].cost, stage.samples, stage.samples);
  for (const MeanLimit& limit : search.mean_limits)
    stage.limited_before.push_back(expected_cost(limit.of_tier[tier], stage.samples, stage.samples));
  return stage;
}

}  // namespace

FoundFront prepend(const Search& search, const AskedTiers& asked, const FoundFront& front, std::size_t depth) {
  const std::vector<Found> rest = extended(search, front, depth);
  const std::size_t batch = std::max<std::size_t>(1, kBatchBytes / asked.samples);
  FoundFront result = front;
  for (std::size_t from = 0; from < rest.size(); from += batch) {
    const auto cascades = std::span(rest).subspan(from, std::min(batch, rest.size() - from));
    const std::vector<Tail> tails = tails_of(search, asked, cascades);
    const CheapestByErrors best =
        cheapest(search, result, search.pool.tiers.size(), [&](std::size_t index, CheapestByErrors& table) {
          if (!search.pool.may_stop[index]) return;
          const auto tier = static_cast<std::uint32_t>(index);
          const Stage stage = first_stage(search, asked, tier);
          for (std::uint32_t i = 0; i < tails.size(); ++i) {
            std::vector<std::uint32_t> tiers = {tier};
            tiers.insert(tiers.end(), cascades[i].tiers.begin(), cascades[i].tiers.end());
            if (search.fits(tiers)) sweep(stage, tails[i], search.mean_limits, tier, i, table);
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
