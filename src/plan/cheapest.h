// The least money, or the fewest devices, for a given rate.
#pragma once

#include <string>

#include "plan/solve.h"

namespace quorate {

struct Cheapest {
  Solution solution;        // over all of the problem's devices; those not needed host nothing
  double least_cost = 0.0;  // no placement of that rate costs less
  std::string why;          // where the rate can't be had: what can; else empty
};

// From a placement for the most throughput: what the devices cost (usd_per_hour, or 1 each) is bounded from below by column
// generation (bound.h), whose columns also say which devices to keep. Devices are then let go one by one, those that cost
// most for what they earn first, as long as the search finds the rate on the others.
Cheapest cheapest_for(const Problem& problem, Solution most, const PlanOptions& options, const Clock& clock);

}  // namespace quorate
