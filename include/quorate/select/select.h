// From a library's held-out predictions to the ensembles worth having at every budget.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"
#include "quorate/select/metric.h"

namespace quorate {

// What one sample costs on each model, in any unit. A member of an ensemble is counted once however often it was picked.
struct Cost {
  std::string name = "cost";     // "latency_s", "flops", "memory_bytes", "usd" ...
  std::vector<double> of_model;  // [models], finite, not negative
  bool parallel = false;         // members run at once: an ensemble costs its dearest member, not the sum
  double budget = std::numeric_limits<double>::infinity();  // no ensemble costs more
};

struct SelectOptions {
  Metric metric = Metric::kLogLoss;
  Pooling combine = Pooling::kMean;
  int max_size = 16;             // picks, repeats counted; Caruana et al. find most of the gain within the first ten
  bool with_replacement = true;  // a model picked k times has weight k / picks; false: each at most once, equal weights
  int sorted_start = 0;          // so many models of least loss alone are a greedy's first picks, if that many are allowed
  int patience = 0;              // a greedy ends after so many picks without a new least loss; 0: it goes on to max_size
  int bags = 0;                  // so many greedies, each among a random part of the models; see select()
  double bag_fraction = 0.5;     // how large a part, rounded up: above 0, at most 1
  std::uint64_t seed = 0;        // of the bags
  int caps = 40;                 // budgets of each cost for which a greedy of its own is run; see also "pruned greedy"
  bool swaps = true;             // look at all ensembles where they are few, else improve the front by a local search
  std::vector<double> sample_weight = {};  // [samples], not negative, finite, of positive sum; empty: all alike
  int threads = 0;                         // 0: one for each core; the result is the same for any number
  std::string device = "cpu";  // where candidates are scored: "cuda:0" ... in a build with CUDA, and for all but kMacroF1
                               // and the log loss and Brier score of mean logits
};

// The picks of a greedy in their order, and the loss of the ensemble of the first k + 1 of them.
struct GreedyPath {
  std::vector<int> picks;
  std::vector<double> losses;  // [picks]
};

// Forward selection (Caruana, Niculescu-Mizil, Crew, Ksikes 2004): each step adds the model with which all picks so far have
// the least loss; it goes on to max_size (or the last model, without replacement) even where the loss rises, unless
// `patience` ends it. With sorted_start = n the first n picks are the n models of least loss alone, best first (their
// "sorted ensemble initialisation"). Losses within 1e-12 (1 + the least) of the least are a tie: it goes to the cheapest
// model, then the lowest index. `cost` [models] breaks ties only. Exactly the picks of that definition, from less work:
// what is scored fast is known within a bound, and what that leaves open is scored by the definition. Throws as select()
// does.
GreedyPath greedy(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options = {});

// The non-dominated ensembles, cheapest first, among
//   "single"        every model alone
//   "greedy"        every prefix of greedy()
//   "gain per cost" every prefix of a greedy that picks the greatest fall in loss per added cost, for each cost. Among
//                   models that add no cost (members already, or free), the greatest fall wins if it is positive; then the
//                   greatest ratio among positive falls; where no model lowers the loss, the one of least loss, as greedy()
//                   would. The first pick's fall is from the answer that gives each class the same probability (values: from
//                   the weighted mean of the targets). Ratios within 1e-9 are a tie.
//   "capped greedy" every prefix of greedy() among models that keep the cost within a cap, for `caps` caps of each cost in
//                   geometric progression strictly between the least positive cost of a model and the cost of greedy()'s
//                   whole ensemble (none where the former is not below the latter)
//   "pruned greedy" every prefix of greedy() among the models that AutoGluon's pruning leaves at some budget of a cost:
//   those
//                   that are dearer alone go, then the one of most loss alone, one by one, until the rest are within it
//                   together. For each set of at least two models that a budget leaves, where neither models nor sets are
//                   more than 3 `caps`: no budget's front is then worse than that pruning and greedy() for it
//   "bagged greedy" every prefix of greedy() among a random part of the models, for each of `bags` parts, and the mean of
//                   all their picks (Caruana et al. 2004)
//   "exhaustive"    all ensembles there are, where they are few: fewer than 1,000 multisets of fewer than max_size picks, as
//                   of 16 models and max_size 4. The front is then that of the whole problem
//   "swap"          else what a local search finds from all of these: picks added, taken away, and one exchanged for
//                   another, as long as that gives a point that none dominates
// An ensemble found twice is called by the first of these names. None exceeds a budget. With several costs one ensemble
// dominates another if it is nowhere dearer, not worse, and somewhere better. Losses are those of loss() on the same data:
// optimistic, see evaluate_front(). Throws std::invalid_argument, changing nothing, unless there is a cost, names are
// different, each cost has an entry for each model, some model is within all budgets (it says the least budget that works),
// the options are in their ranges, and predictions suit the metric.
EnsembleFront select(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options = {});
EnsembleFront select(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options = {});

}  // namespace quorate
