// How good a plan could be at best.
#pragma once

#include "plan/problem.h"

namespace quorate {

// No placement within memory has a higher throughput. The share program over all cells at once, each at its best rate among
// the batches that it could have: those that fit the device alone and leave enough memory in total for the other models. The
// value is computed from the program's prices by weak duality, so it holds whatever the solver's tolerance. Loose where
// memory is tight: that a device's models must fit together is left out. 0 where a model fits nowhere.
double upper_bound(const Problem& problem);

}  // namespace quorate
