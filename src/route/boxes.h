// Cascades of three and four tiers, searched exactly: branch and bound over boxes of thresholds.
#pragma once

#include <cstddef>

#include "route/extend.h"

namespace quorate {

// How finely boxes start and end; powers of two. For tests: what is found does not depend on it (with a gap, what is
// proven).
struct BoxGrid {
  std::size_t coarse = 0;  // positions of the first boxes along each threshold; 0: by the number of samples
  std::size_t fine = 0;    // a box of so few is searched one cascade after another; 0: 16
};

// The front with all cascades of exactly `depth` tiers (2 to 4) out of search.pool that are not dominated: every ordered
// choice of tiers that search.fits() accepts, of which all but the last may stop, with every threshold that decides
// differently on the data, kNeverStops included, within search.mean_limits. Combine::kLast, kMean and kMajority.
//
// gap = 0    exact. Of cascades equal in errors and cost (to the last bit), the front's own stays; then the first by its
//            tiers' places in the pool, then by the highest thresholds, from the first tier on.
// gap > 0    no cascade of this class has, at the same or a lower mean cost, a loss that is lower than the returned front's
//            by more than `gap`.
//
// The same for any number of threads. `front` holds the cascades of fewer tiers, and may hold some of `depth`: the better it
// is, the less is searched. Costs are sums of expected_cost() over tiers in order, as evaluate() has them.
//
// How. A threshold is a position: the number of samples, most certain first, that the tier would answer. A box is a range of
// positions [low_t, high_t] for each stopping tier t. Of what it may hold we know
//
//   cost     at most that at its lowest positions, at least that at its highest: fewer samples go on as positions rise;
//   errors   for any slope s >= 0, the sum over samples of v = error + s x cost / samples is the sum at the lowest
//            positions, plus what the samples in each tier's range add where they stop there. Let walk_t be the samples
//            of tier t's range in its order, each adding v(stops at t) - v(stops where it would, all other thresholds
//            at their lowest); 0 where an earlier tier surely stops it, and at most 0 where an earlier tier may. Then
//
//                  errors + s x cost  >=  sum at the lowest positions  +  sum over t of the lowest prefix of walk_t.
//
//            Proof: move the thresholds up one tier after another, the first tier first. What tier t's move adds is a prefix
//            of the differences v(t) - v(next) over the samples that the earlier tiers, already moved, let through, and
//            later ones, not yet moved, take where they are lowest. A sample in the earlier tiers' ranges either adds its
//            difference or, where one of them now answers it, nothing: not less than the lesser of the two.
//
// A box is dropped where that exceeds the highest `errors + s x cost` on the known front over the box's costs: for each cost
// there, the front then has fewer errors. With s the front's own slope there, least errors are not paired with least cost,
// which a corner bound does; and the lowest prefix of a walk of n steps that go up as often as down is about sqrt(n), not n.
// So boxes die early: of n^2 or n^3 thresholds a few in a million are tried.
//
//   1. survey()   all boxes of a coarse grid, for up to 64 last tiers at once, by counts instead of walks: a range adds at
//                 most the samples that the next tier gets wrong and this one right; the cost is the highest positions'
//   2. Descent    what is left, in walks, a vector of boxes at a time; then the boxes' halves, and so on
//   3. at `fine` positions the cascades one by one
//
// Rounds share what they found: first the choices that begin with the tiers of a cascade on the front, then all others; the
// front that a round prunes with is fixed at its start, so that threads do not matter.
//
// Time: 32 tiers x 50,000 samples at depth 3, 20 x 25,000 at depth 4 with a gap of 0.001: see docs/benchmarks.md. Memory:
// the samples' orders, O(tiers x samples), and the boxes that are open.
FoundFront exact(const Search& search, const FoundFront& front, std::size_t depth, double gap, const BoxGrid& grid = {});

}  // namespace quorate
