#include "quorate/route/greedy_cascades.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "route/cost.h"
#include "route/greedy_run.h"
#include "route/sweep.h"
#include "route/trace.h"

namespace quorate {
namespace {

std::size_t errors_of(const TierTrace& trace) {
  return static_cast<std::size_t>(std::count(trace.wrong.begin(), trace.wrong.end(), 1));
}

Cascade cascade_of(const std::vector<GreedyTier>& greedy, const GreedyPool& pool, const ModelCosts& cost, Signal signal,
                   double epsilon) {
  Cascade cascade;
  for (const GreedyTier& tier : greedy)
    cascade.tiers.push_back({{static_cast<int>(tier.model)}, {1.0}, signal, tier.threshold, pool.cost[tier.model]});
  cascade.tiers.back().threshold = 0.0;

  std::size_t errors = 0;
  std::vector<double> spent(greedy.size());
  std::vector<std::size_t> reached(greedy.size());
  for (std::size_t sample = 0; sample < pool.samples; ++sample)
    for (std::size_t k = 0; k < greedy.size(); ++k) {
      const TierTrace& trace = pool.traces[greedy[k].model];
      ++reached[k];
      spent[k] += cost.at(greedy[k].model, sample);
      if (!may_stop(trace.certainty[sample], cascade.tiers[k].threshold)) continue;
      errors += trace.wrong[sample];
      break;
    }
  cascade.loss = static_cast<double>(errors) / static_cast<double>(pool.samples);
  for (std::size_t k = 0; k < greedy.size(); ++k) {
    cascade.cost += cost.per_sample() ? spent[k] / static_cast<double>(pool.samples)
                                      : expected_cost(cascade.tiers[k].cost, reached[k], pool.samples);
    cascade.worst_cost += cascade.tiers[k].cost;
  }
  cascade.found_by = message("greedy (Streeter 2018): at most ", epsilon, " above the error rate of model ", pool.reference);
  const bool limited = pool.max_worst_cost < std::numeric_limits<double>::infinity() || greedy.size() >= pool.max_depth;
  if (!limited && !cost.per_sample()) cascade.found_by += ", at most 4 times the least cost of its class";
  return cascade;
}

std::size_t reference_of(const GreedyPool& pool, const GreedyCascadeOptions& options) {
  if (options.reference) {
    const int reference = *options.reference;
    const auto models = static_cast<int>(pool.traces.size());
    require(reference >= 0 && reference < models, "reference is ", reference, ", but must be a model, from 0 to ",
            models - 1);
    const double its_cost = pool.cost[static_cast<std::size_t>(reference)];
    require(its_cost <= pool.max_worst_cost, "max_worst_cost is ", pool.max_worst_cost, ", but must be at least ", its_cost,
            ", the cost of the reference, model ", reference);
    return static_cast<std::size_t>(reference);
  }
  const double cheapest = *std::min_element(pool.cost.begin(), pool.cost.end());
  require(cheapest <= pool.max_worst_cost, "max_worst_cost is ", pool.max_worst_cost, ", but must be at least ", cheapest,
          ", the cost of the cheapest model");
  std::optional<std::size_t> best;
  std::size_t least = 0;
  for (std::size_t model = 0; model < pool.traces.size(); ++model) {
    if (pool.cost[model] > pool.max_worst_cost) continue;
    const std::size_t errors = errors_of(pool.traces[model]);
    if (best && (errors > least || (errors == least && pool.cost[model] >= pool.cost[*best]))) continue;
    best = model;
    least = errors;
  }
  return *best;
}

std::vector<double> epsilons_of(const GreedyCascadeOptions& options, std::size_t samples) {
  if (!options.max_loss_increase.empty()) {
    for (std::size_t i = 0; i < options.max_loss_increase.size(); ++i) {
      const double epsilon = options.max_loss_increase[i];
      require(epsilon >= 0.0 && epsilon <= 1.0, "max_loss_increase[", i, "] is ", epsilon, ", but must be from 0 to 1");
    }
    return options.max_loss_increase;
  }
  std::vector<double> epsilons = {0.0};
  for (int j = 0; std::exp2(-j / 2.0) * static_cast<double>(samples) >= 1.0; ++j) epsilons.push_back(std::exp2(-j / 2.0));
  return epsilons;
}

}  // namespace

CascadeFront greedy_cascades(const Predictions& predictions, const ModelCosts& cost, const GreedyCascadeOptions& options) {
  check_classes(predictions);
  check_given(predictions, options.signal);
  check_threads(options.threads);
  check(cost, predictions.models(), predictions.samples());
  require(options.max_depth >= 1 && options.max_depth <= kDeepest, "max_depth is ", options.max_depth,
          ", but must be from 1 to ", kDeepest);
  require(predictions.samples() < kMostGreedySamples, "predictions have ", predictions.samples(),
          " samples, but must have fewer than ", kMostGreedySamples);

  const std::size_t models = predictions.models();
  GreedyPool pool;
  pool.samples = predictions.samples();
  pool.cost = cost.means();
  pool.max_worst_cost = options.max_worst_cost.value_or(std::numeric_limits<double>::infinity());
  pool.max_depth = static_cast<std::size_t>(options.max_depth);
  pool.traces.assign(models, TierTrace(0));
  parallel_for(models, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t model = begin; model < end; ++model)
      pool.traces[model] = ask(predictions, Tier{{static_cast<int>(model)}, {1.0}, options.signal, 0.0, 0.0});
  });
  pool.reference = reference_of(pool, options);
  const std::vector<double> epsilons = epsilons_of(options, pool.samples);
  pool.ranking.resize(models);
  parallel_for(models, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t model = begin; model < end; ++model)
      pool.ranking[model] = greedy_ranking(pool.traces[model], pool.traces[pool.reference]);
  });

  std::vector<Cascade> cascades(epsilons.size());
  parallel_for(epsilons.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      cascades[i] = cascade_of(greedy_tiers(pool, epsilons[i]), pool, cost, options.signal, epsilons[i]);
  });
  return CascadeFront(std::move(cascades));
}

}  // namespace quorate
