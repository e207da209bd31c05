// The comparison rows of a report.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "route/cascade_run.h"

namespace quorate {

// One of the costs that a run is measured in, and its means on the draws: empty without draws.
struct MeasuredCost {
  const ModelCosts* cost;
  RunCost of_run;
  std::vector<double> drawn;
};

// Every model alone, then the mean of all models of the cascade. `costs`: the first is the main one, called "".
std::vector<CascadeComparison> compare(const CascadeRun& run, const Cascade& cascade, const Predictions& test,
                                       const std::map<std::string, MeasuredCost>& costs, const EvaluateOptions& options);

}  // namespace quorate
