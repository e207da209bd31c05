// From a library's held-out predictions to the ensembles worth having at every budget.
#pragma once

#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"
#include "quorate/select/metric.h"

namespace quorate {

struct SelectOptions {
  Metric metric = Metric::kLogLoss;
  int max_size = 16;             // picks, repeats counted; Caruana et al. find most of the gain within the first ten
  bool with_replacement = true;  // a model picked k times has weight k / picks; false: each at most once, equal weights
  bool parallel = false;         // members run at once: an ensemble costs its dearest member, not the sum
  int caps = 8;                  // budgets for which a greedy of its own is run
  int threads = 0;               // 0: one for each core; the result is the same for any number
};

// The picks of a greedy in their order, and the loss of the ensemble of the first k + 1 of them.
struct GreedyPath {
  std::vector<int> picks;
  std::vector<double> losses;  // [picks]
};

// Forward selection (Caruana, Niculescu-Mizil, Crew, Ksikes 2004): each step adds the model with which the mean of all picks
// so far has the least loss; it goes on to max_size (or the last model, without replacement) even where the loss rises.
// Losses within 1e-12 (1 + the least) of the least are a tie: it goes to the cheapest model, then the lowest index. `cost`
// [models] breaks ties only. Exactly the picks of that definition, from less work: log loss reads the true class alone,
// O(models x samples) a step; the Brier score expands to inner products of predictions, O(models x samples x classes) for
// each *distinct* pick and O(models) a step; accuracy looks at a sample's classes only where the candidate's probabilities
// of the true and of the likeliest wrong class leave the answer open. Throws as select() does.
GreedyPath greedy(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options = {});

// The non-dominated ensembles, cheapest first, among
//   "single"        every model alone
//   "greedy"        every prefix of greedy()
//   "gain per cost" every prefix of a greedy that picks the greatest fall in loss per added cost. Among models that add no
//                   cost (members already, or free), the greatest fall wins if it is positive; then the greatest ratio among
//                   positive falls; where no model lowers the loss, the one of least loss, as greedy() would. The first
//                   pick's fall is from the answer that gives each class the same probability. Ratios within 1e-9 are a tie.
//   "capped greedy" every prefix of greedy() among models that keep the cost within a cap, for `caps` caps in geometric
//                   progression strictly between the least positive cost of a model and the cost of greedy()'s whole
//                   ensemble (none where the former is not below the latter)
// An ensemble found twice is called by the first of these names. `cost` [models] is that of one sample, in any unit; a
// member is counted once however often it was picked. Losses are those of loss() on the same data: optimistic. Throws
// std::invalid_argument unless cost has an entry for each model, finite and not negative, max_size >= 1, caps >= 0, and
// predictions are probabilities where the metric needs them.
EnsembleFront select(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options = {});

}  // namespace quorate
