// Random cascade searches, and all that they could find.
#pragma once

#include <algorithm>
#include <limits>
#include <ostream>
#include <utility>
#include <vector>

#include "oracle/cascade.h"
#include "quorate/route/find_cascades.h"
#include "route/small.h"

namespace quorate::test {

struct Problem {
  Predictions predictions;
  ModelCosts cost;
  CascadeOptions options;
};

inline Problem random_problem(std::uint64_t seed) {
  Random random(seed);
  const std::size_t models = 1 + random.below(4);
  Problem problem{random_predictions(random, models, 1 + random.below(12)), random_cost(random, models), {}};
  CascadeOptions& options = problem.options;
  options.signal = static_cast<Signal>(random.below(6));
  if (options.signal == Signal::kGiven) problem.predictions = with_random_certainty(random, problem.predictions);
  options.combine = static_cast<Combine>(random.below(3));
  options.parallelism = static_cast<double>(random.below(3)) / 2;
  for (int size = 1; size <= 3 && size <= static_cast<int>(models); ++size)
    if (random.below(2) == 1) options.tier_sizes.push_back(size);
  if (random.below(3) == 0) options.max_last_size = static_cast<int>(1 + random.below(2));
  if (random.below(3) == 0)
    options.max_worst_cost = std::ranges::min(problem.cost.means()) + static_cast<double>(random.below(12)) / 10;
  options.threads = static_cast<int>(1 + random.below(3));
  return problem;
}

// The tiers that may stop early, and those that may come last.
inline std::pair<std::vector<Tier>, std::vector<Tier>> allowed_tiers(const Problem& problem) {
  const auto models = static_cast<int>(problem.predictions.models());
  std::vector<int> sizes = problem.options.tier_sizes;
  const bool votes = problem.options.signal == Signal::kAgreement || problem.options.signal == Signal::kVoteAgreement;
  if (sizes.empty()) sizes = votes ? std::vector{1, 2, 3} : std::vector{1};
  std::vector<Tier> stopping;
  for (const int size : sizes)
    for (const Tier& tier : oracle::tiers_of_size(size, models, problem.options.signal)) stopping.push_back(tier);
  std::vector<Tier> last = stopping;
  for (const Tier& tier : oracle::tiers_of_size(1, models, problem.options.signal)) last.push_back(tier);
  if (const int most = problem.options.max_last_size; most > 0)
    std::erase_if(last, [most](const Tier& tier) { return static_cast<int>(tier.members.size()) > most; });
  return {stopping, last};
}

inline bool affordable(const Problem& problem, const Cascade& cascade) {
  double worst = 0.0;
  for (const Tier& tier : cascade.tiers) worst += oracle::cost_of(tier, problem.cost, 0, problem.options.parallelism);
  return worst <= problem.options.max_worst_cost.value_or(std::numeric_limits<double>::infinity());
}

// Two in three limits bind the mean, as many each of the others.
inline CascadeLimit random_limit(Random& random, const Problem& problem) {
  CascadeLimit limit{.name = "usd", .cost = random_cost(random, problem.predictions.models())};
  limit.parallelism = static_cast<double>(random.below(2));
  const auto most = [&] { return static_cast<double>(random.below(14)) / 10; };
  if (random.below(3) > 0) limit.max_mean = most();
  if (random.below(3) == 0) limit.max_worst = most();
  if (random.below(3) == 0) limit.max_tier = {most(), most()};
  if (!limit.max_mean && !limit.max_worst && limit.max_tier.empty()) limit.max_mean = most();
  return limit;
}

inline bool within_limits(const Problem& problem, const Cascade& cascade) {
  for (const CascadeLimit& limit : problem.options.limits) {
    double worst = 0.0;
    Cascade same = cascade;
    same.parallelism = limit.parallelism;
    for (std::size_t k = 0; k < cascade.tiers.size(); ++k) {
      const double one = oracle::cost_of(cascade.tiers[k], limit.cost, 0, limit.parallelism);
      worst += one;
      if (!limit.max_tier.empty() && one > limit.max_tier[std::min(k, limit.max_tier.size() - 1)]) return false;
    }
    if (worst > limit.max_worst.value_or(worst)) return false;
    const double mean = oracle::run(same, problem.predictions, limit.cost).cost;
    if (mean > limit.max_mean.value_or(mean)) return false;
  }
  return true;
}

inline void add_all(const Problem& problem, const Cascade& cascade, std::size_t k, std::vector<oracle::Outcome>& outcomes) {
  if (!oracle::distinct_models(cascade.tiers) || !affordable(problem, cascade)) return;
  for (const Cascade& one : oracle::all_thresholds(cascade, k, problem.predictions))
    outcomes.push_back(oracle::run(one, problem.predictions, problem.cost));
}

inline Cascade with_tiers(const Problem& problem, std::vector<Tier> tiers) {
  Cascade cascade;
  cascade.tiers = std::move(tiers);
  cascade.combine = problem.options.combine;
  cascade.parallelism = problem.options.parallelism;
  return cascade;
}

inline std::vector<oracle::Outcome> outcomes_of(const CascadeFront& front) {
  std::vector<oracle::Outcome> result;
  for (const Cascade& cascade : front) result.push_back({cascade.cost, cascade.loss});
  return result;
}

inline std::ostream& operator<<(std::ostream& out, const Problem& problem) {
  return out << to_string(problem.options.signal) << ", " << to_string(problem.options.combine) << ", "
             << problem.predictions.models() << " models, " << problem.predictions.samples() << " samples";
}

// Every cascade of up to `depth` tiers with every threshold.
inline void add_deeper(const Problem& problem, std::size_t depth, std::vector<Tier> tiers,
                       std::vector<oracle::Outcome>& outcomes) {
  const auto [stopping, last] = allowed_tiers(problem);
  for (const Tier& tier : last) {
    std::vector<Tier> all = tiers;
    all.push_back(tier);
    if (!oracle::distinct_models(all) || !affordable(problem, with_tiers(problem, all))) continue;
    std::vector<Cascade> cascades = {with_tiers(problem, all)};
    for (std::size_t k = 0; k + 1 < all.size(); ++k) {
      std::vector<Cascade> more;
      for (const Cascade& cascade : cascades)
        for (const Cascade& one : oracle::all_thresholds(cascade, k, problem.predictions)) more.push_back(one);
      cascades = std::move(more);
    }
    for (const Cascade& one : cascades)
      if (within_limits(problem, one)) outcomes.push_back(oracle::run(one, problem.predictions, problem.cost));
  }
  if (depth == 1) return;
  for (const Tier& tier : stopping) {
    std::vector<Tier> longer = tiers;
    longer.push_back(tier);
    if (oracle::distinct_models(longer)) add_deeper(problem, depth - 1, longer, outcomes);
  }
}

}  // namespace quorate::test
