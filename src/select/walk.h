// The greedy that select() and greedy() share: a walk from the empty ensemble, one pick a step.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "quorate/select/select.h"
#include "select/scorer.h"

namespace quorate {

// Which candidate a step takes; see select().
struct WalkRule {
  bool per_cost = false;                                 // greatest fall in loss per added cost, else least loss
  double cap = std::numeric_limits<double>::infinity();  // of the ensemble's cost
};

// Walks over the same predictions share what they learn: the loss of a candidate after the same picks is computed once, so
// that a capped walk costs nothing until its cap first turns a pick down, and after that only what its cap allows.
class Walker {
 public:
  // Throws as select() does. The arguments but the options must outlive it.
  Walker(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options);

  GreedyPath walk(const WalkRule& rule = {});

  std::vector<double> losses_of_singles();             // [models]
  double cost_of(std::span<const int> members) const;  // ascending

 private:
  struct Candidate {
    int model = 0;
    double loss = 0.0;  // of the ensemble with it
    double cost = 0.0;
  };

  // losses [models] of one pick more, after counts[m] picks of each model m; only those of `models` are sure to be known.
  const std::vector<double>& losses_after(const std::vector<int>& counts, std::span<const int> models);
  std::vector<Candidate> candidates_after(const std::vector<int>& counts, double cap);
  int least_loss(std::span<const Candidate> candidates) const;
  int greatest_fall_per_cost(std::span<const Candidate> candidates, double loss, double cost) const;
  bool goes_first(int a, int b) const;  // of two tied models
  double loss_of_not_knowing() const;

  const Predictions& predictions_;
  std::span<const double> cost_;
  SelectOptions options_;
  std::unique_ptr<Scorer> scorer_;
  std::vector<int> held_;                                  // [models]: the picks that the scorer holds
  std::map<std::vector<int>, std::vector<double>> known_;  // by counts; NaN where not asked for yet
};

}  // namespace quorate
