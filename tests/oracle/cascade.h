// Cascades the slow and obvious way: one sample at a time, every pair of tiers, every threshold.
#pragma once

#include <algorithm>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate::oracle {

inline std::size_t top(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

inline std::vector<double> scores_of(const Predictions& predictions, int model, std::size_t sample) {
  std::vector<float> row(predictions.classes());
  predictions.read(static_cast<std::size_t>(model), sample, 1, row.data());
  return {row.begin(), row.end()};
}

struct TierView {
  std::vector<double> mean;  // [classes], of the tier alone
  double agreement = 0.0;
  double vote_agreement = 0.0;
};

inline TierView view(const Predictions& predictions, const Tier& tier, std::size_t sample) {
  const std::size_t classes = predictions.classes();
  TierView result{std::vector<double>(classes), 0.0, 0.0};
  std::vector<double> votes(classes);
  for (std::size_t k = 0; k < tier.members.size(); ++k) {
    const std::vector<double> scores = scores_of(predictions, tier.members[k], sample);
    votes[top(scores)] += tier.weights[k];
    for (std::size_t c = 0; c < classes; ++c) result.mean[c] += tier.weights[k] * scores[c];
  }
  result.vote_agreement = std::min(1.0, votes[top(votes)]);
  result.agreement = std::min(1.0, result.mean[top(votes)]);
  return result;
}

// What tier k of the cascade would answer for a sample, and how surely.
inline std::pair<std::size_t, double> tier_answer(const Cascade& cascade, std::size_t k, const Predictions& predictions,
                                                  std::size_t sample) {
  std::vector<double> mean = view(predictions, cascade.tiers[k], sample).mean;
  if (cascade.combine == Combine::kMean) {
    std::fill(mean.begin(), mean.end(), 0.0);
    for (std::size_t j = 0; j <= k; ++j) {
      const std::vector<double> one = view(predictions, cascade.tiers[j], sample).mean;
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += one[c];
    }
    for (double& score : mean) score /= static_cast<double>(k + 1);
  }
  const TierView own = view(predictions, cascade.tiers[k], sample);
  const Signal signal = cascade.tiers[k].signal;
  return {top(mean), signal == Signal::kConfidence  ? std::min(1.0, mean[top(mean)])
                     : signal == Signal::kAgreement ? own.agreement
                                                    : own.vote_agreement};
}

// The tier that answers a sample.
inline std::size_t stopping_tier(const Cascade& cascade, const Predictions& predictions, std::size_t sample) {
  for (std::size_t k = 0; k + 1 < cascade.tiers.size(); ++k)
    if (tier_answer(cascade, k, predictions, sample).second >= cascade.tiers[k].threshold) return k;
  return cascade.tiers.size() - 1;
}

struct Outcome {
  double cost = 0.0;
  double loss = 0.0;
  auto operator<=>(const Outcome&) const = default;
};

inline Outcome run(const Cascade& cascade, const Predictions& predictions, std::span<const double> cost) {
  const std::size_t samples = predictions.samples();
  std::vector<std::size_t> reached(cascade.tiers.size());
  std::size_t errors = 0;
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const std::size_t stop = stopping_tier(cascade, predictions, sample);
    for (std::size_t k = 0; k <= stop; ++k) ++reached[k];
    const std::size_t answer = tier_answer(cascade, stop, predictions, sample).first;
    errors += answer != static_cast<std::size_t>(predictions.labels()[sample]);
  }
  Outcome result;
  result.loss = static_cast<double>(errors) / static_cast<double>(samples);
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k) {
    double one = 0.0;
    for (const int member : cascade.tiers[k].members) {
      const double c = cost[static_cast<std::size_t>(member)];
      one = cascade.parallel ? std::max(one, c) : one + c;
    }
    result.cost += one * (static_cast<double>(reached[k]) / static_cast<double>(samples));
  }
  return result;
}

// The cascade with every threshold of tier k that decides differently.
inline std::vector<Cascade> all_thresholds(const Cascade& cascade, std::size_t k, const Predictions& predictions) {
  std::set<double> thresholds = {kNeverStops};
  for (std::size_t sample = 0; sample < predictions.samples(); ++sample)
    thresholds.insert(tier_answer(cascade, k, predictions, sample).second);
  std::vector<Cascade> result;
  for (const double threshold : thresholds) {
    result.push_back(cascade);
    result.back().tiers[k].threshold = threshold;
  }
  return result;
}

inline bool distinct_models(const std::vector<Tier>& tiers) {
  std::set<int> seen;
  for (const Tier& tier : tiers)
    for (const int member : tier.members)
      if (!seen.insert(member).second) return false;
  return true;
}

// All tiers of `size` of `models` models, weighing alike.
inline std::vector<Tier> tiers_of_size(int size, int models, Signal signal) {
  std::vector<Tier> result;
  for (unsigned set = 1; set < 1u << models; ++set) {
    Tier tier;
    tier.signal = signal;
    for (int m = 0; m < models; ++m)
      if (set >> m & 1u) tier.members.push_back(m);
    if (static_cast<int>(tier.members.size()) != size) continue;
    tier.weights.assign(tier.members.size(), 1.0 / size);
    result.push_back(std::move(tier));
  }
  return result;
}

// The non-dominated among outcomes, cheapest first.
inline std::vector<Outcome> front(const std::vector<Outcome>& outcomes) {
  std::set<Outcome> result;
  for (const Outcome& a : outcomes)
    if (std::none_of(outcomes.begin(), outcomes.end(),
                     [&](const Outcome& b) { return b != a && b.cost <= a.cost && b.loss <= a.loss; }))
      result.insert(a);
  return {result.begin(), result.end()};
}

}  // namespace quorate::oracle
