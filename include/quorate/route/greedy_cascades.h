// Cascades out of pools of hundreds of models, one tier at a time.
#pragma once

#include <optional>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate {

struct GreedyCascadeOptions {
  Signal signal = Signal::kConfidence;
  std::optional<int> reference = {};  // model whose accuracy is to be kept. None: the most accurate that max_worst_cost
                                      // allows; of equals the cheapest, then the lowest index
  // epsilon, each in [0, 1]: one cascade for each. Empty: 0 and 2^(-j / 2) for j = 0, 1, ... down to one sample.
  std::vector<double> max_loss_increase = {};
  std::optional<double> max_worst_cost = {};  // of a sample that reaches the last tier
  int max_depth = 64;                         // tiers at most, 1 to 64
  int threads = 0;                            // 0: one for each core; the answer does not depend on it
};

// Streeter, Approximation Algorithms for Cascading Prediction Models (ICML 2018, arXiv 1802.07697): every tier is a single
// model that answers where its certainty reaches a threshold. For each epsilon, starting with all samples unanswered:
//
//   1. Of each model that is not yet in the cascade, take the lowest threshold (a certainty that occurs) with which, among
//      the unanswered samples R that it would answer, its errors exceed the reference's by at most epsilon x their number.
//   2. The next tier is the model that then answers most for its cost: |answered| / cost; of equals the one that answers
//      more, then the lowest index. A cost of 0 beats all others.
//   3. Go on until nothing is unanswered. The reference answers all with threshold 0, so there is an end.
//
// The constraint is decomposable: added up over tiers, the error rate on `predictions` is at most the reference's + epsilon.
// Choices of ours: the constraint is a difference of error rates; a model stands in one tier only, and no work is shared
// between models; the result is one fixed sequence, not a tree.
//
// Guarantee. Let R_1, R_2, ... be the sets left unanswered before each tier. The mean cost on `predictions` is at most 4
// times that of every cascade out of this pool (single-model tiers, this signal) each of whose tiers keeps step 1's
// constraint on every R_i, on the samples of R_i that it is sure of. (With epsilon = 0 these include all cascades whose
// tiers, wherever they are sure, are right or as wrong as the reference.) By the analysis of min-sum set cover (Feige,
// Lovasz and Tetali 2004): while R is unanswered, no tier of such a cascade answers more of R for its cost than the greedy's
// next, hence none of its prefixes of cost |R| / (2 x that ratio) answers more than half of R; the greedy's cost as a
// histogram, halved in both axes, fits below the other's. Step 1's condition on every R_i is needed: on few samples a tier
// can lose the slack that it has on many. Nothing is promised against policies that branch on an answer: a first model that
// names the one of k experts to ask beats every fixed sequence by a factor of about k / 2. With max_worst_cost or max_depth
// the guarantee does not hold: then a tier must leave room for the reference after it, unless it answers all that is left.
//
// `cost` of each sample (ModelCosts::per_sample) enters step 2 by its mean. Every point's loss, cost and worst_cost are
// those on `predictions`. found_by names epsilon, the reference and the guarantee, where it holds. Only the front is
// returned.
//
// Time O(models x samples x log samples) once, and for each epsilon O(tiers x models x samples), less for models too dear to
// win. Memory O(models x samples). Throws std::invalid_argument for predictions of values, costs as check() says, a
// reference that is no model or dearer than max_worst_cost, an epsilon outside [0, 1], a max_depth out of range, a
// max_worst_cost below the cheapest model (the message says the least that works).
CascadeFront greedy_cascades(const Predictions& predictions, const ModelCosts& cost,
                             const GreedyCascadeOptions& options = {});

}  // namespace quorate
