// The decision that a cascade takes after each tier: the one piece of code that evaluation and the engine share, so that
// what was promised on paper is what runs.
#pragma once

#include <cstddef>
#include <span>

#include "quorate/route/cascade.h"

namespace quorate {

// Of one sample at one tier.
struct Decision {
  int answer = 0;       // class
  double certainty = 0.0;  // the tier's signal, in [0, 1]
  bool stop = false;    // certainty >= threshold
};

// `member_scores[k]` points to the [classes] scores of tier.members[k]. Writes the tier's weighted mean, summed in member
// order in double, to `mean` [classes]. No allocation. O(members x classes).
Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean);

}  // namespace quorate
