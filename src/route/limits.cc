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

// One bound, as a model that stands alone meets it or not.
struct ModelBound {
  std::string name;  // "max_mean of limit \"usd\""
  std::vector<double> of_model;
  double most;

  double excess(std::size_t model) const { return std::max(0.0, of_model[model] - most); }
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

std::vector<ModelBound> bounds_of(const ModelCosts& cost, const CascadeOptions& options) {
  std::vector<ModelBound> bounds;
  if (options.max_worst_cost) {
    bounds.push_back({"max_worst_cost", {}, *options.max_worst_cost});
    for (std::size_t model = 0; model < cost.models(); ++model) {
      const int member = static_cast<int>(model);
      bounds.back().of_model.push_back(worst_cost({&member, 1}, cost, 0.0));
    }
  }
  for (const CascadeLimit& limit : options.limits) {
    const auto add = [&](const char* what, double most) {
      bounds.push_back({message(what, " of limit \"", limit.name, "\""), limit.cost, most});
    };
    if (limit.max_worst) add("max_worst", *limit.max_worst);
    if (!limit.max_tier.empty()) add("max_tier[0]", limit.max_tier.front());
    if (limit.max_mean) add("max_mean", *limit.max_mean);
  }
  return bounds;
}

}  // namespace

void check_limits(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options) {
  for (const CascadeLimit& limit : options.limits) check_limit(limit, predictions.models());
  const std::vector<ModelBound> bounds = bounds_of(cost, options);
  for (const ModelBound& bound : bounds) {
    const double least = *std::min_element(bound.of_model.begin(), bound.of_model.end());
    require(least <= bound.most, bound.name, " is ", bound.most, ", but must be at least ", least,
            ", the cheapest model's cost");
  }

  std::size_t nearest = 0;
  double least_excess = kNone;  // the largest over bounds, each in parts of its bound
  for (std::size_t model = 0; model < predictions.models(); ++model) {
    double excess = 0.0;
    for (const ModelBound& bound : bounds)
      if (bound.excess(model) > 0.0) excess = std::max(excess, bound.most > 0.0 ? bound.excess(model) / bound.most : 1e300);
    if (excess < least_excess) {
      least_excess = excess;
      nearest = model;
    }
  }
  if (least_excess == 0.0) return;
  std::vector<std::string> exceeded;
  for (const ModelBound& bound : bounds)
    if (bound.excess(nearest) > 0.0)
      exceeded.push_back(message(bound.name, ", which is ", bound.most, ", by ", bound.excess(nearest)));
  throw std::invalid_argument(message("no cascade meets all limits at once: model \"", predictions.names()[nearest],
                                      "\" comes nearest, and exceeds ", joined(exceeded)));
}

void apply_limits(const CascadeOptions& options, Search& search) {
  for (const CascadeLimit& limit : options.limits) {
    std::vector<double> of_tier;
    for (const Tier& tier : search.pool.tiers) of_tier.push_back(tier_cost(tier.members, limit.cost, limit.parallelism));
    if (limit.max_worst || !limit.max_tier.empty())
      search.worst_limits.push_back({of_tier, limit.max_worst.value_or(kNone), limit.max_tier});
    if (limit.max_mean) search.mean_limits.push_back({std::move(of_tier), *limit.max_mean});
  }
}

}  // namespace quorate
