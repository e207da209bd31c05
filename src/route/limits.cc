#include "route/limits.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/message.h"
#include "quorate/route/model_costs.h"
#include "route/cost.h"

namespace quorate {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

// One bound of a limit, as a tier that stands alone meets it or not.
struct TierBound {
  std::string name;  // "max_mean of \"usd\""
  const std::vector<double>& of_tier;
  double most;

  double excess(std::size_t tier) const { return std::max(0.0, of_tier[tier] - most); }
};

void check_bound(const CascadeLimit& limit, const char* what, double most) {
  require(most >= 0.0, what, " of limit \"", limit.name, "\" is ", most, ", but must be at least 0");
}

void check_limit(const CascadeLimit& limit, std::size_t models) {
  check(ModelCosts(limit.cost), models, 0, ("the cost of limit \"" + limit.name + "\"").c_str());
  require(limit.parallelism >= 0.0 && limit.parallelism <= 1.0, "the parallelism of limit \"", limit.name, "\" is ",
          limit.parallelism, ", but must be from 0 to 1");
  require(limit.max_mean || limit.max_worst || !limit.max_tier.empty(), "limit \"", limit.name,
          "\" has none of max_mean, max_worst and max_tier, but must have at least one");
  if (limit.max_mean) check_bound(limit, "max_mean", *limit.max_mean);
  if (limit.max_worst) check_bound(limit, "max_worst", *limit.max_worst);
  for (const double most : limit.max_tier) check_bound(limit, "max_tier", most);
}

std::string text_of(const Predictions& predictions, const Tier& tier) {
  std::vector<std::string> names;
  for (const int member : tier.members) names.push_back("\"" + predictions.names()[static_cast<std::size_t>(member)] + "\"");
  return joined(names);
}

void check_met(const Search& search, const std::vector<TierBound>& bounds) {
  const std::vector<Tier>& tiers = search.pool.tiers;
  std::size_t nearest = 0;
  double least_excess = kNone;  // the largest over bounds, each in parts of its bound
  for (std::size_t tier = 0; tier < tiers.size(); ++tier) {
    double excess = 0.0;
    for (const TierBound& bound : bounds)
      if (bound.excess(tier) > 0.0) excess = std::max(excess, bound.most > 0.0 ? bound.excess(tier) / bound.most : 1e300);
    if (excess < least_excess) {
      least_excess = excess;
      nearest = tier;
    }
  }
  if (least_excess == 0.0) return;
  for (const TierBound& bound : bounds) {
    const double least = *std::min_element(bound.of_tier.begin(), bound.of_tier.end());
    require(least <= bound.most, bound.name, " is ", bound.most, ", but must be at least ", least,
            ", what the cheapest tier costs");
  }
  std::vector<std::string> exceeded;
  for (const TierBound& bound : bounds)
    if (bound.excess(nearest) > 0.0)
      exceeded.push_back(message(bound.name, ", which is ", bound.most, ", by ", bound.excess(nearest)));
  throw std::invalid_argument(message("no cascade meets all limits at once: a tier of ",
                                      text_of(search.predictions, tiers[nearest]), " comes nearest, and exceeds ",
                                      joined(exceeded)));
}

}  // namespace

void apply_limits(const CascadeOptions& options, Search& search) {
  for (const CascadeLimit& limit : options.limits) {
    check_limit(limit, search.predictions.models());
    std::vector<double> of_tier;
    for (const Tier& tier : search.pool.tiers) of_tier.push_back(tier_cost(tier.members, limit.cost, limit.parallelism));
    if (limit.max_worst || !limit.max_tier.empty())
      search.worst_limits.push_back({of_tier, limit.max_worst.value_or(kNone), limit.max_tier});
    if (limit.max_mean) search.mean_limits.push_back({std::move(of_tier), *limit.max_mean});
  }
  std::vector<TierBound> bounds;
  std::size_t mean = 0;
  std::size_t worst = 0;
  for (const CascadeLimit& limit : options.limits) {
    const auto named = [&](const char* what) { return message(what, " of limit \"", limit.name, "\""); };
    if (limit.max_worst || !limit.max_tier.empty()) {
      const WorstLimit& one = search.worst_limits[worst++];
      if (limit.max_worst) bounds.push_back({named("max_worst"), one.of_tier, one.most});
      if (!limit.max_tier.empty()) bounds.push_back({named("max_tier[0]"), one.of_tier, limit.max_tier.front()});
    }
    if (limit.max_mean) bounds.push_back({named("max_mean"), search.mean_limits[mean++].of_tier, *limit.max_mean});
  }
  check_met(search, bounds);
}

}  // namespace quorate
