// The decision that a cascade takes after each tier: the one piece of code that search, evaluation, calibration and the
// engine share, so that what was promised on paper is what runs.
#pragma once

#include <cstddef>
#include <span>

#include "quorate/route/cascade.h"

namespace quorate {

// Of one sample at one tier.
struct Decision {
  int answer = 0;          // class
  double certainty = 0.0;  // the tier's signal, in [0, 1]
  bool stop = false;       // may_stop(certainty, tier.threshold)
};

// A threshold of 0 always stops, also where a model's scores are NaN; elsewhere a NaN goes on to the next tier.
inline bool may_stop(double certainty, double threshold) { return threshold <= 0.0 || certainty >= threshold; }

// `member_scores[k]` points to the [classes] scores of tier.members[k]. Writes to `mean` [classes] the scores that the
// cascade answers with if it stops here: the tier's weighted mean of scores (Combine::kMajority: of votes), summed in member
// order in double, averaged with the `asked` tiers before it, whose mean the caller left in `mean`:
//   Combine::kLast             asked is not read, nor is what `mean` held
//   Combine::kMean, kMajority  asked = the tier's place among those asked, 0, 1, 2 ..., with one `mean` from tier to tier
// `given` [members] is what the user says of the sample; read for Signal::kGiven only.
// No allocation. O(members x classes + members^2) of up to 16 members; votes of more members are found again for each.
Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean,
                Combine combine = Combine::kLast, std::size_t asked = 0, std::span<const float> given = {});

}  // namespace quorate
