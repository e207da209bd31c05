#include "route/extend.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "quorate/core/parallel.h"
#include "route/cost.h"

namespace quorate {

namespace {

bool within(const WorstLimit& limit, std::span<const std::uint32_t> tiers) {
  double worst = 0.0;
  for (std::size_t k = 0; k < tiers.size(); ++k) {
    const double one = limit.of_tier[tiers[k]];
    worst += one;
    if (!limit.most_of_tier.empty() && one > limit.most_of_tier[std::min(k, limit.most_of_tier.size() - 1)]) return false;
  }
  return worst <= limit.most;
}

}  // namespace

bool Search::fits(std::span<const std::uint32_t> tiers) const {
  double worst = 0.0;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    worst += pool.worst[tiers[i]];
    for (std::size_t j = 0; j < i; ++j)
      if (share_a_model(pool.tiers[tiers[i]], pool.tiers[tiers[j]])) return false;
  }
  return worst <= max_worst_cost && std::all_of(worst_limits.begin(), worst_limits.end(),
                                                [&](const WorstLimit& limit) { return within(limit, tiers); });
}

bool within_means(const Search& search, std::span<const std::uint32_t> tiers, std::span<const std::size_t> reached) {
  return std::all_of(search.mean_limits.begin(), search.mean_limits.end(), [&](const MeanLimit& limit) {
    double mean = 0.0;
    for (std::size_t k = 0; k < tiers.size(); ++k)
      mean += expected_cost(limit.of_tier[tiers[k]], reached[k], search.predictions.samples());
    return mean <= limit.most;
  });
}

Tail last_tier(const Search& search, std::uint32_t tier, std::span<const std::uint8_t> wrong) {
  Tail tail{.outcome = {}, .tiers = {tier}, .cost = {search.pool.tiers[tier].cost}, .sample_cost = {}};
  tail.outcome.reserve(wrong.size());
  for (const std::uint8_t one : wrong) tail.outcome.emplace_back(0, one != 0);
  if (!search.pool.sample_cost.empty()) tail.sample_cost = search.pool.sample_cost[tier];
  return tail;
}

CheapestByErrors cheapest(const Search& search, const FoundFront& front, std::size_t count,
                          const std::function<void(std::size_t, CheapestByErrors&)>& body) {
  std::vector<double> limit(search.predictions.samples() + 1, std::numeric_limits<double>::infinity());
  for (const Found& found : front) limit[found.errors] = found.cost;
  for (std::size_t errors = 1; errors < limit.size(); ++errors) limit[errors] = std::min(limit[errors], limit[errors - 1]);

  std::mutex mutex;
  std::map<std::size_t, CheapestByErrors> parts;  // by their first index, so that they merge in order
  parallel_for(count, search.threads, [&](std::size_t begin, std::size_t end) {
    CheapestByErrors best(limit);
    for (std::size_t index = begin; index < end; ++index) body(index, best);
    const std::lock_guard lock(mutex);
    parts.emplace(begin, std::move(best));
  });
  CheapestByErrors result(limit);
  for (const auto& [begin, part] : parts) result.merge(part);
  return result;
}

std::vector<Found> extended(const Search& search, const FoundFront& front, std::size_t depth) {
  std::vector<Found> result;
  if (depth == 2) {
    for (std::uint32_t tier = 0; tier < search.pool.tiers.size(); ++tier) result.push_back({.tiers = {tier}});
    return result;
  }
  std::copy_if(front.begin(), front.end(), std::back_inserter(result),
               [&](const Found& found) { return found.tiers.size() == depth - 1; });
  // Neighbours on a long front differ by a sample or two: extending each of them would find next to nothing more.
  if (result.size() <= kMostExtended) return result;
  std::vector<Found> spread;
  for (std::size_t i = 0; i < kMostExtended; ++i)
    spread.push_back(std::move(result[i * (result.size() - 1) / (kMostExtended - 1)]));
  return spread;
}

FoundFront with_table(const Search& search, const FoundFront& front, const CheapestByErrors& best, std::size_t place,
                      const std::function<Found(std::uint32_t, std::uint32_t)>& named) {
  std::vector<Found> points(front.begin(), front.end());
  for (std::size_t errors = 0; errors < best.entries().size(); ++errors) {
    const CheapestByErrors::Entry& entry = best.entries()[errors];
    if (entry.first == CheapestByErrors::kNobody) continue;
    Found found = named(entry.first, entry.second);
    found.thresholds.insert(found.thresholds.begin() + static_cast<std::ptrdiff_t>(place), entry.threshold);
    found.errors = errors;
    found.loss = static_cast<double>(errors) / static_cast<double>(search.predictions.samples());
    found.cost = entry.cost;
    points.push_back(std::move(found));
  }
  return FoundFront(std::move(points));
}

}  // namespace quorate
