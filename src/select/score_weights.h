// The weight of each sample in a scorer's sums.
#pragma once

#include <span>
#include <vector>

#include "select/scorer.h"

namespace quorate {

struct ScoreWeights {
  std::vector<double> of;  // [samples]: all 1 where none are given
  double total = 0.0;      // that sums are divided by
  bool alike = true;
};

ScoreWeights score_weights(const Scoring& scoring);

// Those of a mean over samples that is 1 - the mean over classes of their shares: w / (classes x the weight of its class).
ScoreWeights balanced_weights(const Scoring& scoring);

}  // namespace quorate
