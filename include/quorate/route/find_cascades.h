// Which cascades are worth having, from held-out predictions: the front of expected cost against error rate.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

struct CascadeOptions {
  int max_depth = 3;  // tiers at most, 1 to 64
  Signal signal = Signal::kConfidence;
  Combine combine = Combine::kLast;
  std::optional<double> max_worst_cost = {};  // of a sample that reaches the last tier
  // Members of a tier that may stop early; a last tier is a single model or has one of these sizes. Members weigh alike.
  // Empty: {1} for confidence, {1, 2, 3} for the agreement signals (one model has nobody to agree with: its certainty is its
  // confidence, or 1).
  std::vector<int> tier_sizes = {};
  bool parallel = false;  // a tier costs its dearest member, not the sum
  // All tiers of those sizes are tried while they, with the single models, are at most so many. Else tiers of several
  // members are made from as many models as keep them below it: first those that no model beats in both cost and accuracy,
  // the most accurate first, then the others likewise. Single models are always tried.
  int max_tiers = 512;
  int threads = 0;  // 0: one for each core; the answer does not depend on it
};

// The front of mean cost against error rate on `predictions`; single models are cascades of depth 1. `cost[m]` is what one
// sample costs on model m. Every point's loss, cost and worst_cost are what evaluate() says of it on the same data, to the
// last bit. found_by says what is proven of a point:
//
//   "exact"     depth 1 and 2: found by trying every pair of tiers with every threshold that decides differently on the data
//               (the samples by the first tier's certainty, then a prefix sum; equal certainties move together). No cascade
//               of depth 2 out of these tiers is better in both loss and cost.
//   "extended"  deeper: a front's cascade of one tier less, extended by each tier with its best thresholds, exact as above
//               for the tier added. With Combine::kLast the tier is asked before all others; with Combine::kMean, where
//               every tier's answer depends on those before it, after them, and what was the last tier gets the threshold.
//               Not proven to be the best of its depth.
//
// and adds ", pool of 14 of 25" where max_tiers bound. Sources: Wang et al., Wisdom of Committees (arXiv 2012.01988), who
// try a grid of thresholds; agreement-based cascading (arXiv 2407.02348). Deviation from the latter: a tier answers the
// class of highest mean score, not the majority's.
//
// Time: O(T (N log N + N C) + T^2 N) for T tiers and N samples of C classes, and for each depth beyond 2 O(F T N) for a
// front of F; with Combine::kMean O(T^2 N C) and O(S T N C + F T N) for S different sequences of tiers on the front. Memory
// O(T N).
//
// Throws std::invalid_argument for predictions of values, a cost that is negative, not finite or not [models], a
// max_worst_cost below the cheapest tier's cost (the message says the least that works), a max_depth, tier size or max_tiers
// out of range.
CascadeFront find_cascades(const Predictions& predictions, std::span<const double> cost, const CascadeOptions& options = {});

}  // namespace quorate
