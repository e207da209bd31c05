#include "quorate/route/find_cascades.h"

#include <limits>

#include "core/message.h"
#include "route/cost.h"
#include "route/extend.h"

namespace quorate {
namespace {

FoundFront single_tiers(const Search& search) {
  const CheapestByErrors best =
      cheapest(search, FoundFront(), search.pool.tiers.size(), [&](std::size_t index, CheapestByErrors& table) {
        const Tier& tier = search.pool.tiers[index];
        std::size_t errors = 0;
        for (const std::uint8_t wrong : ask(search.predictions, tier).wrong) errors += wrong;
        const std::size_t samples = search.predictions.samples();
        table.offer(errors, expected_cost(tier.cost, samples, samples), 0.0, static_cast<std::uint32_t>(index), 0);
      });
  std::vector<Found> points;
  for (std::size_t errors = 0; errors < best.entries().size(); ++errors)
    if (const auto& entry = best.entries()[errors]; entry.first != CheapestByErrors::kNobody)
      points.push_back({.tiers = {entry.first},
                        .thresholds = {},
                        .errors = errors,
                        .loss = static_cast<double>(errors) / static_cast<double>(search.predictions.samples()),
                        .cost = entry.cost});
  return FoundFront(std::move(points));
}

Cascade cascade_of(const Found& found, const TierPool& pool, const CascadeOptions& options) {
  Cascade cascade;
  for (std::size_t k = 0; k < found.tiers.size(); ++k) {
    cascade.tiers.push_back(pool.tiers[found.tiers[k]]);
    cascade.tiers.back().threshold = k < found.thresholds.size() ? found.thresholds[k] : 0.0;
    cascade.worst_cost += cascade.tiers.back().cost;
  }
  cascade.combine = options.combine;
  cascade.parallel = options.parallel;
  cascade.loss = found.loss;
  cascade.cost = found.cost;
  cascade.found_by = (found.tiers.size() <= 2 ? "exact" : "extended") + pool.note;
  return cascade;
}

}  // namespace

CascadeFront find_cascades(const Predictions& predictions, std::span<const double> cost, const CascadeOptions& options) {
  check_classes(predictions);
  check_cost(cost, predictions.models());
  require(options.max_depth >= 1 && options.max_depth <= kDeepest, "max_depth is ", options.max_depth,
          ", but must be from 1 to ", kDeepest);
  const TierPool pool = make_tiers(predictions, cost, options);
  const Search search{predictions, pool, options.max_worst_cost.value_or(std::numeric_limits<double>::infinity()),
                      options.threads};

  FoundFront front = single_tiers(search);
  for (std::size_t depth = 2; depth <= static_cast<std::size_t>(options.max_depth); ++depth)
    front = options.combine == Combine::kLast ? prepend(search, front, depth) : append(search, front, depth);

  std::vector<Cascade> cascades;
  for (const Found& found : front) cascades.push_back(cascade_of(found, pool, options));
  return CascadeFront(std::move(cascades));
}

}  // namespace quorate
