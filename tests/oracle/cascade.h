// Cascades the slow and obvious way: one sample at a time, every pair of tiers, every threshold.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"
#include "route/natural_log.h"

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
  std::vector<double> mean;   // [classes], of the tier alone
  std::vector<double> votes;  // [classes]
  double agreement = 0.0;
  double vote_agreement = 0.0;
  double given = 0.0;
};

inline TierView view(const Predictions& predictions, const Tier& tier, std::size_t sample) {
  const std::size_t classes = predictions.classes();
  TierView result{std::vector<double>(classes), std::vector<double>(classes), 0.0, 0.0, 0.0};
  std::vector<double>& votes = result.votes;
  for (std::size_t k = 0; k < tier.members.size(); ++k) {
    const std::vector<double> scores = scores_of(predictions, tier.members[k], sample);
    votes[top(scores)] += tier.weights[k];
    for (std::size_t c = 0; c < classes; ++c) result.mean[c] += tier.weights[k] * scores[c];
    if (predictions.has_certainty())
      result.given += tier.weights[k] * predictions.certainty(static_cast<std::size_t>(tier.members[k]), sample);
  }
  result.vote_agreement = std::min(1.0, votes[top(votes)]);
  result.agreement = std::min(1.0, result.mean[top(votes)]);
  return result;
}

inline double signal_of(Signal signal, const std::vector<double>& scores, const TierView& own) {
  std::vector<double> sorted = scores;
  std::sort(sorted.rbegin(), sorted.rend());
  double part[8] = {};  // in eight parts, with the product's own logarithm: equal to the last bit
  for (std::size_t c = 0; c < scores.size(); ++c)
    if (const auto share = static_cast<float>(scores[c]); !(share < std::numeric_limits<float>::min()))
      part[c % 8] -= static_cast<double>(share * log_of(share));
  const double entropy = ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  const bool one_class = scores.size() == 1;
  switch (signal) {
    case Signal::kConfidence:
      return sorted[0];
    case Signal::kMargin:
      return one_class ? 1.0 : sorted[0] - sorted[1];
    case Signal::kEntropy:
      return one_class ? 1.0 : 1.0 - entropy / std::log(static_cast<double>(scores.size()));
    case Signal::kAgreement:
      return own.agreement;
    case Signal::kVoteAgreement:
      return own.vote_agreement;
    case Signal::kGiven:
      break;
  }
  return own.given;
}

// What tier k of the cascade would answer for a sample, and how surely.
inline std::pair<std::size_t, double> tier_answer(const Cascade& cascade, std::size_t k, const Predictions& predictions,
                                                  std::size_t sample) {
  const TierView own = view(predictions, cascade.tiers[k], sample);
  std::vector<double> scores = cascade.combine == Combine::kMajority ? own.votes : own.mean;
  if (cascade.combine != Combine::kLast) {
    scores.assign(scores.size(), 0.0);
    for (std::size_t j = 0; j <= k; ++j) {
      const TierView one = view(predictions, cascade.tiers[j], sample);
      for (std::size_t c = 0; c < scores.size(); ++c)
        scores[c] += cascade.combine == Combine::kMajority ? one.votes[c] : one.mean[c];
    }
    for (double& score : scores) score /= static_cast<double>(k + 1);
  }
  std::size_t answer = top(scores);
  if (cascade.combine == Combine::kMajority)
    for (std::size_t c = 0; c < scores.size(); ++c)
      if (std::abs(scores[c] - scores[answer]) < 1e-12 && own.mean[c] > own.mean[answer]) answer = c;
  return {answer, std::clamp(signal_of(cascade.tiers[k].signal, scores, own), 0.0, 1.0)};
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

inline double cost_of(const Tier& tier, const ModelCosts& cost, std::size_t sample, double parallelism) {
  double sum = 0.0;
  double dearest = 0.0;
  for (const int member : tier.members) {
    sum += cost.at(static_cast<std::size_t>(member), sample);
    dearest = std::max(dearest, cost.at(static_cast<std::size_t>(member), sample));
  }
  return parallelism == 0.0 || tier.members.size() == 1 ? sum
         : parallelism == 1.0                           ? dearest
                                                        : std::pow(sum, 1.0 - parallelism) * std::pow(dearest, parallelism);
}

// Costs alike for all samples are summed over tiers, in order; others over samples.
inline Outcome run(const Cascade& cascade, const Predictions& predictions, const ModelCosts& cost) {
  const std::size_t samples = predictions.samples();
  std::vector<std::size_t> reached(cascade.tiers.size());
  std::size_t errors = 0;
  double spent = 0.0;
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const std::size_t stop = stopping_tier(cascade, predictions, sample);
    for (std::size_t k = 0; k <= stop; ++k) {
      ++reached[k];
      spent += cost_of(cascade.tiers[k], cost, sample, cascade.parallelism);
    }
    const std::size_t answer = tier_answer(cascade, stop, predictions, sample).first;
    errors += answer != static_cast<std::size_t>(predictions.labels()[sample]);
  }
  Outcome result;
  result.loss = static_cast<double>(errors) / static_cast<double>(samples);
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k)
    result.cost += cost_of(cascade.tiers[k], cost, 0, cascade.parallelism) *
                   (static_cast<double>(reached[k]) / static_cast<double>(samples));
  if (cost.per_sample()) result.cost = spent / static_cast<double>(samples);
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
