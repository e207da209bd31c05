// Better placements. Time is looked at between evaluations and decides nothing but the end.
#pragma once

#include "plan/clock.h"
#include "plan/draft.h"
#include "plan/problem.h"
#include "plan/share_basis.h"
#include "quorate/core/random.h"

namespace quorate {

// A placement with the basis of its best shares.
struct Priced {
  Placement placement;
  ShareBasis basis;
};
Priced priced(const Problem& problem, Placement placement);

// Scores a placement anew after changes; `before` is what the changed cells were.
void rescore(const Problem& problem, Priced& changed, const std::vector<Change>& before);

// The options that promise a gain: one unit of their device's time would earn price x rate - worth more than now. The best
// first, at most `count`.
std::vector<Change> most_promising(const Problem& problem, const Priced& present, std::size_t count);

// Annealing from `start` over `tries` changes. A change begins with an option that promises a gain, drawn in proportion to
// that. Room is made for it, what is left of the devices that changed is filled (draft.h), and the new placement is scored
// by its best shares. A worse one is taken with probability exp(- relative loss / temperature), which falls from `hot` to a
// hundredth of it. Returns the best placement met; stops after `stop` changes where that is less, at `enough`, when the
// clock is over, and where no option promises a gain, which proves that none is better.
Priced anneal(const Problem& problem, const Priced& start, int tries, int stop, double hot, double enough,
              const Clock& clock, Random& random);

}  // namespace quorate
