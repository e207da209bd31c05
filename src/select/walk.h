// The greedy that select() and greedy() share: a walk from the empty ensemble, one pick a step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "quorate/select/select.h"
#include "select/scorer.h"

namespace quorate {

// So many picks of each model, [models].
using Counts = std::vector<int>;

// Which candidates a walk has, and which of them a step takes; see select().
struct WalkRule {
  int per_cost = -1;              // greatest fall in loss per unit of this cost; -1: least loss
  std::vector<double> caps = {};  // [costs], of the ensemble's costs
  std::vector<int> among = {};    // models, ascending; empty: all
  bool exact = false;             // the path's losses are exact
};

// Walks over the same predictions share what they learn: the loss of a candidate after the same picks is computed once, so
// that a capped walk costs nothing until its cap first turns a pick down, and after that only what its cap allows.
class Walker {
 public:
  // Throws as select() does. The predictions must outlive it.
  Walker(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options);

  // A rule without caps walks within the budgets. The losses of the picks are known to within `errors`.
  struct Path {
    std::vector<int> picks;
    std::vector<double> losses;  // [picks]
    std::vector<double> errors;  // [picks]
  };
  Path walk(WalkRule rule = {});

  // One pick more than `counts`: its loss, known to within `error`.
  struct Candidate {
    int model = 0;
    double loss = 0.0;
    double error = 0.0;
    std::vector<double> costs;  // [costs], of the ensemble with it
  };
  // Those that keep the costs within `caps`, ascending; least_alone: without some that cannot have the least loss.
  std::vector<Candidate> candidates_after(const Counts& counts, const WalkRule& rule, bool least_alone = false);
  // Exact but for rounding: nothing is done where it is that already.
  void make_exact(const Counts& counts, Candidate& candidate);

  // Models within the budgets by their loss alone, ties to the cheapest, then the first.
  std::vector<int> best_first();

  std::vector<double> costs_of(const Counts& counts) const;  // [costs]
  std::vector<double> budgets() const;                       // [costs]
  std::size_t models() const { return predictions_.models(); }
  const SelectOptions& options() const { return options_; }
  std::span<const Cost> costs() const { return costs_; }
  std::int64_t scored() const { return scored_; }  // sets of picks whose candidates were scored

 private:
  struct Known {                // of one pick more, after the same picks
    std::vector<double> loss;   // [models]; NaN where not asked for yet
    std::vector<double> error;  // [models]
  };

  Known& known_after(const Counts& counts, std::span<const int> models, bool least_alone);
  void hold(const Counts& counts);
  Candidate choose_least(const Counts& counts, std::vector<Candidate> candidates);
  Candidate choose_per_cost(const Counts& counts, std::vector<Candidate> candidates, const Candidate& now, int cost);
  Candidate choose_sorted(const Counts& counts, const std::vector<Candidate>& candidates);
  bool goes_first(int a, int b) const;  // of two tied models
  double loss_of_not_knowing() const;

  const Predictions& predictions_;
  std::vector<Cost> costs_;
  SelectOptions options_;
  std::unique_ptr<Scorer> scorer_;
  Counts held_;  // the picks that the scorer holds
  std::map<Counts, Known> known_;
  std::int64_t scored_ = 0;
};

// What two losses of equal ensembles may differ by when they are summed in different orders.
double rounding_of(double loss);

}  // namespace quorate
