// A cascade's figures by their definition: one sample at a time, every draw of the bootstrap made whole.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "oracle/cascade.h"
#include "oracle/evaluate_front.h"
#include "quorate/route/model_costs.h"

namespace quorate::oracle {

// What happened to one sample.
struct Answered {
  std::size_t entry = 0;
  std::size_t tier = 0;
  std::size_t answer = 0;
  bool wrong = false;
};

// A sample that enters at a tier is one of the cascade that begins there.
inline Answered answer_of(const Cascade& cascade, const Predictions& predictions, std::size_t sample, std::size_t entry) {
  Cascade rest = cascade;
  rest.tiers.erase(rest.tiers.begin(), rest.tiers.begin() + static_cast<std::ptrdiff_t>(entry));
  const std::size_t stop = stopping_tier(rest, predictions, sample);
  const std::size_t answer = tier_answer(rest, stop, predictions, sample).first;
  return {entry, entry + stop, answer, answer != std::size_t(predictions.labels()[sample])};
}

inline double members_cost(const std::vector<int>& members, const ModelCosts& cost, std::size_t sample, double parallelism) {
  Tier tier;
  tier.members = members;
  return cost_of(tier, cost, sample, parallelism);
}

// Of tiers `first` to `last`.
inline double tiers_cost(const Cascade& cascade, const ModelCosts& cost, std::size_t sample, std::size_t first,
                         std::size_t last) {
  double sum = 0.0;
  for (std::size_t k = first; k <= last; ++k)
    sum += members_cost(cascade.tiers[k].members, cost, sample, cascade.parallelism);
  return sum;
}

inline double mean_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / double(values.size());
}

// The class of highest score of each model's own row, or of the mean of several models: 1 where it is wrong.
inline std::vector<double> errors_of(const Predictions& predictions, const std::vector<int>& members) {
  std::vector<double> wrong;
  for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
    std::vector<double> mean(predictions.classes());
    for (const int member : members) {
      const std::vector<double> scores = scores_of(predictions, member, sample);
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += scores[c] * (1.0 / double(members.size()));
    }
    wrong.push_back(top(mean) != std::size_t(predictions.labels()[sample]) ? 1.0 : 0.0);
  }
  return wrong;
}

// The mean of `values` on each draw.
inline std::vector<double> resampled(const std::vector<double>& values, int draws, std::uint64_t seed) {
  std::vector<double> means;
  for (const std::vector<std::size_t>& samples : draws_of(values.size(), {}, draws, seed)) {
    double sum = 0.0;
    for (const std::size_t sample : samples) sum += values[sample];
    means.push_back(sum / double(samples.size()));
  }
  return means;
}

}  // namespace quorate::oracle
