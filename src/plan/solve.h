// From a first placement to a good one with its bound.
#pragma once

#include <string>

#include "plan/clock.h"
#include "plan/problem.h"

namespace quorate {

struct Solution {
  Scored best;
  std::string found_by;
  double bound = 0.0;  // no placement has a higher throughput
};

struct Effort {
  int iterations = 0;                                       // at most, of up to 100 placements scored each
  double enough = std::numeric_limits<double>::infinity();  // a throughput that ends the search
  std::uint64_t seed = 0;
};

// The most throughput: column generation (bound.h), its columns rounded to whole devices, or, where few cells are to fill,
// in a tree (branch.h); from these and from the best placement so far models reassigned (reassign.h), then single cells
// changed (regroup.h, search.h), in cycles of growing length, until `kPatience` in a row led to nothing better, the bound is
// met, or the effort is spent. Where some devices are CPUs, first without them, if every model finds room there: so the
// result is never below what that alone finds.
Solution solve(const Problem& problem, Scored first, std::string found_by, const Effort& effort, const Clock& clock);

}  // namespace quorate
