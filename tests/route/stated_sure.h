// A population whose truth is known: two models, two classes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/route/cascade.h"
#include "route/small.h"

namespace quorate::test {

// Model 0 is right with the probability that it states, from 1/2 to 1; model 1 with probability 0.9 always.
inline Predictions stated_sure(std::uint64_t seed, std::size_t samples) {
  Random random(seed);
  std::vector<std::int32_t> labels(samples);
  std::vector<float> first;
  std::vector<float> second;
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(random.below(2));
    const auto sure = static_cast<float>(0.5 + 0.5 * random.uniform());
    const bool says_one = (label == 1) == (random.uniform() < static_cast<double>(sure));
    first.insert(first.end(), {says_one ? 1 - sure : sure, says_one ? sure : 1 - sure});
    const bool other_says_one = (label == 1) == (random.uniform() < 0.9);
    second.insert(second.end(), {other_says_one ? 0.0f : 1.0f, other_says_one ? 1.0f : 0.0f});
  }
  return from_rows({first, second}, 2, std::move(labels));
}

inline Cascade two_tiers(double threshold) {
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, threshold, 1.0}, {{1}, {1.0}, Signal::kConfidence, 0.0, 10.0}};
  return cascade;
}

// Of that population, with threshold t above 1/2: samples sure in [t, 1] stop and err with 1 - sure instead of 0.1.
inline double true_increase(double t) {
  const double stopping = std::max(0.0, 1 - t) * 2;
  return t > 1 ? 0.0 : stopping * ((1 - (1 + t) / 2) - 0.1);
}

}  // namespace quorate::test
