// Which cascades are worth having, from held-out predictions: the front of expected cost against error rate.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate {

// What a cascade may cost in another unit than the front's: latency, money, FLOPs.
struct CascadeLimit {
  std::string name;          // what messages call it
  std::vector<double> cost;  // [models], of a sample
  double parallelism = 0.0;  // in this unit, see Cascade: money is spent on every member, also on those that run at once
  std::optional<double> max_mean = {};   // of a sample on average
  std::optional<double> max_worst = {};  // of a sample that reaches the last tier
  std::vector<double> max_tier = {};     // [k]: of tier k alone, the last entry also of those after it: edge, then cloud
};

struct CascadeOptions {
  int max_depth = 3;  // tiers at most, 1 to 64
  Signal signal = Signal::kConfidence;
  Combine combine = Combine::kLast;
  std::optional<double> max_worst_cost = {};  // of a sample that reaches the last tier, in the front's cost
  std::vector<CascadeLimit> limits = {};      // of other costs
  // Members of a tier that may stop early. Members weigh alike. Empty: {1, 2, 3} for the agreement signals (one model has
  // nobody to agree with: its certainty is its confidence, or 1), else {1}.
  std::vector<int> tier_sizes = {};
  int max_last_size = 0;     // members of a last tier at most, which is a single model or has one of tier_sizes; 0: no limit
  double parallelism = 0.0;  // of a tier's members, see Cascade
  // All tiers of those sizes are tried while they, with the single models, are at most so many. Else tiers of several
  // members are made from as many models as keep them below it: first those that no model beats in both cost and accuracy,
  // the most accurate first, then the others likewise. Single models are always tried.
  int max_tiers = 512;
  // Depth 3 and 4 are searched exactly while tiers^depth x (samples + 2,000) is at most so much (unless the last tier
  // answers: samples x classes): seconds at depth 3, a minute at depth 4, on two cores.
  double max_exact_work = 5e9;
  double gap = 0.001;  // the loss by which a cascade of depth 4 may be better than the front that is proven; 0: none is
  int threads = 0;     // 0: one for each core; the answer does not depend on it
};

// The front of mean cost against error rate on `predictions`; single models are cascades of depth 1. Every point's loss,
// cost and worst_cost are what evaluate() says of it on the same data, to the last bit. found_by says what is proven of a
// point, as a part of all cascades that can be made of these tiers within the limits:
//
//   "exact"         found by trying every threshold that decides differently on the data (equal certainties move together);
//                   no cascade of that depth or less is better in both loss and cost
//   "within 0.001"  likewise of depth 4, up to `gap` in loss
//   "extended"      a front's cascade of one tier less, extended by each tier with its best thresholds. With Combine::kLast
//                   the tier is asked before all others; else, where every tier's answer depends on those before it, after
//                   them, and what was the last tier gets the threshold. Of a front of more than 512 such cascades 512 are
//                   extended, evenly spaced. Not proven to be the best of its depth.
//
// and adds ", pool of 14 of 25" where max_tiers bound. Depth 1 and 2 are always exact, 3 and 4 where max_exact_work allows
// it and costs are alike for all samples. Sources: Wang et al., Wisdom of Committees (arXiv
// 2012.01988), who try a grid of thresholds; agreement-based cascading (arXiv 2407.02348). Deviation from the latter: a tier
// answers the class of highest mean score, unless Combine::kMajority asks for the majority's.
//
// Time: O(T (N log N + N C) + T^2 N / 64) for T tiers and N samples of C classes at depth 2 (T^2 N C unless the last tier
// answers), and for each depth that is extended O(F T N) for a front of F, at most 512. Memory O(T N).
//
// Throws std::invalid_argument for predictions of values, a signal that the predictions do not have, costs that are
// negative, not finite or not [models], limits that no cascade meets (the message says which, and the least that works), a
// max_depth, tier size, max_last_size, max_tiers, parallelism or gap out of range.
CascadeFront find_cascades(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options = {});

}  // namespace quorate
