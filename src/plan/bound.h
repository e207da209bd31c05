// How good a plan could be at best, and what devices would host there.
#pragma once

#include "plan/clock.h"
#include "plan/columns.h"
#include "plan/hosting_rows.h"

namespace quorate {

// No placement within memory has a higher throughput. The share program over all cells at once, each at its best rate among
// the batches that it could have: those that fit the device alone and leave enough memory in total for the other models. The
// value is computed from the program's prices by weak duality, so it holds whatever the solver's tolerance. Loose where
// memory is tight: that a device's models must fit together is left out. 0 where a model fits nowhere.
double upper_bound(const Problem& problem);

struct Relaxation {
  double bound = 0.0;
  std::vector<DeviceClass> classes;
  std::vector<Column> columns;  // of the last program, with times
  double beaten = 0.0;          // what relax() was told
};

// Where columns come from before any is generated.
struct Known {
  const Scored* placement = nullptr;   // what its devices do
  const Relaxation* before = nullptr;  // of a problem with the same devices
};

// A throughput that is better than `present` is more than this.
double beaten_by(double present);

// A tighter one, by column generation over what a device can host (Dantzig and Wolfe 1960): `bound` is the least of `bound`
// given and, over the rounds' prices, of
//   sum over devices of the most that a use of the device is worth - sum of cover[m] x copies[m]
// which holds for any prices (Lagrangian duality) and does not rest on the solver's tolerance, or `beaten` where that is
// more. Beyond the linear program it knows that a model gets from no device more than it needs for a throughput of `bound`,
// and that a plan of more than `beaten` hosts each model often enough; plans of less are of no interest. Starts from the
// columns in `known` that the problem allows. At most `max_rounds` rounds. Of plans that break a limit in `decided` it says
// nothing.
Relaxation relax(const Problem& problem, double bound, double beaten, const Known& known, int max_rounds, const Clock& clock,
                 const std::vector<HostingLimit>& decided = {});

// The same for money: `bound` is what devices in use cost at least, by `cost` [devices], in a plan that has the rate.
// `starting` must be such a plan.
Relaxation least_cost(const Problem& problem, double rate, const std::vector<double>& cost, const Scored& starting,
                      int max_rounds, const Clock& clock);

}  // namespace quorate
