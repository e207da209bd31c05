// Streeter's greedy the slow and obvious way: every model, every threshold, every sample, at every step.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "oracle/cascade.h"

namespace quorate::oracle {

// What single models say of each sample.
struct Pool {
  std::vector<std::vector<double>> certainty;  // [models][samples]
  std::vector<std::vector<int>> wrong;         // [models][samples]
};

// For confidence, and else for the margin.
inline Pool pool_of(const Predictions& predictions, Signal signal) {
  Pool pool;
  for (std::size_t m = 0; m < predictions.models(); ++m) {
    pool.certainty.emplace_back();
    pool.wrong.emplace_back();
    for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
      std::vector<double> scores = scores_of(predictions, static_cast<int>(m), sample);
      pool.wrong.back().push_back(top(scores) != static_cast<std::size_t>(predictions.labels()[sample]));
      std::sort(scores.rbegin(), scores.rend());
      const double margin = scores.size() == 1 ? 1.0 : scores[0] - scores[1];
      pool.certainty.back().push_back(std::min(1.0, signal == Signal::kConfidence ? scores[0] : margin));
    }
  }
  return pool;
}

struct GreedyTier {
  std::size_t model = 0;
  double threshold = 0.0;
  auto operator<=>(const GreedyTier&) const = default;
};

using Samples = std::vector<std::size_t>;

inline Samples answered_by(const Pool& pool, const GreedyTier& tier, const Samples& of) {
  Samples result;
  for (const std::size_t sample : of)
    if (pool.certainty[tier.model][sample] >= tier.threshold) result.push_back(sample);
  return result;
}

// The accuracy constraint on the samples of `of` that the tier is sure of.
inline bool keeps_accuracy(const Pool& pool, const GreedyTier& tier, const Samples& of, std::size_t reference,
                           double epsilon) {
  const Samples answered = answered_by(pool, tier, of);
  int more = 0;
  for (const std::size_t sample : answered) more += pool.wrong[tier.model][sample] - pool.wrong[reference][sample];
  return more <= epsilon * static_cast<double>(answered.size());
}

struct GreedySolution {
  std::vector<GreedyTier> tiers;
  std::vector<Samples> unanswered;  // before each tier
};

// Without limits on depth or worst cost. The last tier's threshold is 0.
inline GreedySolution greedy_cascade(const Pool& pool, const std::vector<double>& cost, std::size_t reference,
                                     double epsilon) {
  Samples left(pool.wrong[0].size());
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
  GreedySolution solution;
  std::vector<bool> used(pool.wrong.size());
  while (!left.empty()) {
    GreedyTier best;
    double best_rate = -1.0;
    std::size_t most = 0;
    for (std::size_t m = 0; m < pool.wrong.size(); ++m) {
      if (used[m]) continue;
      GreedyTier mine{m, kNeverStops};
      for (const std::size_t sample : left) {
        const GreedyTier tier{m, pool.certainty[m][sample]};
        if (tier.threshold < mine.threshold && keeps_accuracy(pool, tier, left, reference, epsilon)) mine = tier;
      }
      const std::size_t answered = answered_by(pool, mine, left).size();
      const double rate = static_cast<double>(answered) / cost[m];  // infinite for a cost of 0
      if (answered > 0 && (rate > best_rate || (rate == best_rate && answered > most))) {
        best = mine;
        best_rate = rate;
        most = answered;
      }
    }
    if (most == left.size()) best.threshold = 0.0;
    used[best.model] = true;
    solution.tiers.push_back(best);
    solution.unanswered.push_back(left);
    const Samples answered = answered_by(pool, best, left);
    Samples rest;
    std::set_difference(left.begin(), left.end(), answered.begin(), answered.end(), std::back_inserter(rest));
    left = rest;
  }
  return solution;
}

// Total cost of a sequence of tiers over all samples.
inline double total_cost(const Pool& pool, const std::vector<double>& cost, const std::vector<GreedyTier>& tiers) {
  double total = 0.0;
  for (std::size_t sample = 0; sample < pool.wrong[0].size(); ++sample)
    for (std::size_t k = 0; k < tiers.size(); ++k) {
      total += cost[tiers[k].model];
      if (pool.certainty[tiers[k].model][sample] >= tiers[k].threshold) break;
    }
  return total;
}

inline double total_errors(const Pool& pool, const std::vector<GreedyTier>& tiers) {
  double errors = 0.0;
  for (std::size_t sample = 0; sample < pool.wrong[0].size(); ++sample)
    for (const GreedyTier& tier : tiers)
      if (pool.certainty[tier.model][sample] >= tier.threshold) {
        errors += pool.wrong[tier.model][sample];
        break;
      }
  return errors;
}

// The least total cost of any sequence of distinct models, thresholds at certainties that occur and the last 0, whose tiers
// all keep the constraint on each of `sets`.
inline double least_cost(const Pool& pool, const std::vector<double>& cost, std::size_t reference, double epsilon,
                         const std::vector<Samples>& sets) {
  std::vector<GreedyTier> allowed;
  for (std::size_t m = 0; m < pool.wrong.size(); ++m) {
    std::set<double> thresholds(pool.certainty[m].begin(), pool.certainty[m].end());
    thresholds.insert(0.0);
    for (const double threshold : thresholds) {
      const GreedyTier tier{m, threshold};
      if (std::all_of(sets.begin(), sets.end(),
                      [&](const Samples& set) { return keeps_accuracy(pool, tier, set, reference, epsilon); }))
        allowed.push_back(tier);
    }
  }
  double least = std::numeric_limits<double>::infinity();
  std::vector<GreedyTier> tiers;
  const std::function<void()> extend = [&] {
    for (const GreedyTier& tier : allowed) {
      if (std::any_of(tiers.begin(), tiers.end(), [&](const GreedyTier& other) { return other.model == tier.model; }))
        continue;
      tiers.push_back(tier);
      if (tier.threshold == 0.0)
        least = std::min(least, total_cost(pool, cost, tiers));
      else
        extend();
      tiers.pop_back();
    }
  };
  extend();
  return least;
}

}  // namespace quorate::oracle
