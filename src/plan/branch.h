// Better placements and a lower bound at once, by deciding what devices host.
#pragma once

#include "plan/bound.h"
#include "plan/clock.h"
#include "plan/search.h"
#include "quorate/core/random.h"

namespace quorate {

struct Branched {
  Priced best;
  double bound = 0.0;  // no placement that the problem allows has a higher throughput
  int nodes = 0;       // relaxations solved
};

// Branch and price (Barnhart et al. 1998). A node is a problem with some decisions taken; its relaxation (bound.h) bounds
// it, and its columns, rounded, may be a better placement. Where the relaxation hosts a model on a number of devices that is
// not whole, counted over all kinds, all but one, or one, there are at most so many in one child and more in the other; both
// wait until theirs is the highest bound. Where all these are whole but it hosts a model on a part of a device, the model is
// pinned there in one child and forbidden on all devices of that class in the other, which leaves out nothing, as they can't
// be told apart; likewise a batch size. That pinned child is next. Ends after `max_nodes`, at a placement of `enough`, or
// when the clock is over.
Branched branch(const Problem& problem, Priced present, double bound, const Relaxation& root, double enough, int max_nodes,
                const Clock& clock, Random& random);

}  // namespace quorate
