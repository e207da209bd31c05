// A local search over the whole front at once, and the exhaustive one where that is cheap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "select/walk.h"

namespace quorate {

// An ensemble while it is looked for.
struct FoundEnsemble {
  Counts counts;
  int picks = 0;  // the sum of counts
  double loss = 0.0;
  double error = 0.0;              // how far the loss may be off
  std::vector<double> costs = {};  // [costs]
  std::string by;
};

// Those that no other is sure to dominate, in ascending order of the first cost; of equal ones the earliest. Losses that
// differ by rounding alone are equal.
std::vector<FoundEnsemble> non_dominated(std::vector<FoundEnsemble> found);

// The front with what picks added, taken away, and exchanged one for another make of it: each point's neighbours are looked
// at, in turns over the front, and those that are sure to be better than what it has join it; so on until nothing is new, or
// `most_scored` sets of picks were scored.
std::vector<FoundEnsemble> improve(Walker& walker, std::vector<FoundEnsemble> front, std::int64_t most_scored);

// The front of all ensembles there are. Scores as many sets of picks as partial_ensembles().
std::vector<FoundEnsemble> exhaust(Walker& walker, std::vector<FoundEnsemble> front);

// How many multisets of fewer than max_size picks there are; `most` where they are more.
std::int64_t partial_ensembles(std::size_t models, const SelectOptions& options, std::int64_t most);

}  // namespace quorate
