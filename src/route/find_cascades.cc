#include "quorate/route/find_cascades.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/message.h"
#include "route/boxes.h"
#include "route/cascade_run.h"
#include "route/cost.h"
#include "route/extend.h"
#include "route/limits.h"
#include "route/pairs.h"
#include "route/trace.h"

namespace quorate {
namespace {

FoundFront single_tiers(const Search& search, const AskedTiers& asked) {
  std::vector<Found> points;
  for (std::uint32_t tier = 0; tier < asked.tiers; ++tier) {
    const std::uint32_t tiers[] = {tier};
    const std::size_t reached[] = {asked.samples};
    if (search.pool.may_end[tier] && search.fits(tiers) && within_means(search, tiers, reached))
      points.push_back({.tiers = {tier},
                        .thresholds = {},
                        .errors = asked.errors[tier],
                        .loss = static_cast<double>(asked.errors[tier]) / static_cast<double>(asked.samples),
                        .cost = expected_cost(search.pool.tiers[tier].cost, asked.samples, asked.samples)});
  }
  return FoundFront(std::move(points));
}

// What a choice of tiers takes beside its samples, in samples.
constexpr double kChoice = 2000.0;

// How deep the search is exact.
std::size_t exact_depth(const Search& search, const CascadeOptions& options) {
  if (!search.pool.sample_cost.empty()) return 2;
  const auto tiers = static_cast<double>(search.pool.tiers.size());
  // Where answers depend on the tiers before, they are asked again for each choice.
  const std::size_t asked_again = search.combine == Combine::kLast ? 1 : search.predictions.classes();
  const double of_choice = static_cast<double>(search.predictions.samples() * asked_again) + kChoice;
  std::size_t depth = 2;
  while (depth < 4 && std::pow(tiers, static_cast<double>(depth + 1)) * of_choice <= options.max_exact_work) ++depth;
  return depth;
}

FoundFront deepened(const Search& search, const AskedTiers& asked, const FoundFront& front, std::size_t depth) {
  if (search.combine != Combine::kLast) return append(search, front, depth);
  if (depth == 2 && search.pool.sample_cost.empty()) return pairs(search, asked, front);
  return prepend(search, asked, front, depth);
}

std::string proof_of(std::size_t depth, std::size_t exact_to, double gap) {
  if (depth > exact_to) return "extended";
  return depth == 4 && gap > 0.0 ? message("within ", gap) : "exact";
}

Cascade cascade_of(const Found& found, const Search& search, const CascadeOptions& options, std::size_t exact_to) {
  Cascade cascade;
  for (std::size_t k = 0; k < found.tiers.size(); ++k) {
    cascade.tiers.push_back(search.pool.tiers[found.tiers[k]]);
    cascade.tiers.back().threshold = k < found.thresholds.size() ? found.thresholds[k] : 0.0;
    cascade.worst_cost += cascade.tiers.back().cost;
  }
  cascade.combine = options.combine;
  cascade.parallelism = options.parallelism;
  cascade.loss = found.loss;
  cascade.cost = found.cost;
  cascade.found_by = proof_of(found.tiers.size(), exact_to, options.gap) + search.pool.note;
  return cascade;
}

void check_options(const Predictions& predictions, const CascadeOptions& options) {
  check_classes(predictions);
  check_given(predictions, options.signal);
  require(options.max_depth >= 1 && options.max_depth <= kDeepest, "max_depth is ", options.max_depth,
          ", but must be from 1 to ", kDeepest);
  require(options.parallelism >= 0.0 && options.parallelism <= 1.0, "parallelism is ", options.parallelism,
          ", but must be from 0 to 1");
  require(options.gap >= 0.0 && options.gap < 1.0, "gap is ", options.gap, ", but must be at least 0 and below 1");
  require(options.max_exact_work >= 0.0, "max_exact_work is ", options.max_exact_work, ", but must be at least 0");
  check_threads(options.threads);
}

}  // namespace

CascadeFront find_cascades(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options) {
  check_options(predictions, options);
  check(cost, predictions.models(), predictions.samples());
  check_limits(predictions, cost, options);
  const TierPool pool = make_tiers(predictions, cost, options);
  Search search{predictions, pool, options.max_worst_cost.value_or(std::numeric_limits<double>::infinity()), options.threads,
                options.combine};
  apply_limits(options, search);

  const AskedTiers asked = ask_all(predictions, pool.tiers, options.combine, options.threads);
  const std::size_t exact_to = exact_depth(search, options);
  FoundFront front = single_tiers(search, asked);
  for (std::size_t depth = 2; depth <= static_cast<std::size_t>(options.max_depth); ++depth) {
    front = depth > 2 && depth <= exact_to ? exact(search, front, depth, depth == 4 ? options.gap : 0.0)
                                           : deepened(search, asked, front, depth);
  }

  std::vector<Cascade> cascades;
  for (const Found& found : front) cascades.push_back(cascade_of(found, search, options, exact_to));
  if (cost.per_sample())
    for (Cascade& cascade : cascades) {  // sums of costs that differ depend on their order: evaluate()'s is the one to go by
      const RunCost spent = run_cost(run(cascade, predictions, {}, options.threads), cascade, cost);
      cascade.cost = spent.mean;
      cascade.worst_cost = spent.worst;
    }
  return CascadeFront(std::move(cascades));
}

}  // namespace quorate
