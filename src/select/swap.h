// A local search over the whole front at once, and the exhaustive one where that is cheap.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "select/walk.h"

namespace quorate {

// An ensemble while it is looked for.
struct Found {
  Counts counts;
  int picks = 0;  // the sum of counts
  double loss = 0.0;
  std::vector<double> costs = {};  // [costs]
  std::string by;
};

// Those that no other dominates, in ascending order of the first cost; of equal ones the earliest. Losses that differ by
// rounding alone are equal.
std::vector<Found> non_dominated(std::vector<Found> found);

// The front with what picks added, taken away, and exchanged one for another make of it: each point's neighbours are looked
// at, in the order of the front, those that none dominates join it, and so on until a round brings nothing or `rounds` are
// over. Exact losses.
std::vector<Found> improve(Walker& walker, std::vector<Found> front, int rounds);

// The front of all ensembles there are. Scores as many times as there are multisets of fewer than max_size picks.
std::vector<Found> exhaust(Walker& walker, std::vector<Found> front);

// How many that are; `most` where they are more.
std::int64_t partial_ensembles(std::size_t models, const SelectOptions& options, std::int64_t most);

}  // namespace quorate
