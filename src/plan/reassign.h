// Better placements where memory is tight, by moving whole models between devices.
#pragma once

#include <cstdint>
#include <optional>

#include "plan/clock.h"
#include "plan/search.h"
#include "quorate/core/random.h"

namespace quorate {

struct Reassigning {
  double target = 0.0;     // samples/s that the devices are to carry
  double hot = 0.1;        // temperature at the start, as a cost; a hundredth of it at the end
  std::int64_t moves = 0;  // tried
};

// Whether the devices can carry a given throughput is an easier question than how much they can: it adds up over devices.
// Each model's samples are in a few equal parts, each on some device. A device costs the square of the time (device_load.h)
// that it lacks, and the part of its memory that it lacks. Annealing from `start` moves parts and whole models and exchanges
// models of two devices, one or several at a time, and so walks through assignments that fit no memory, which changes of
// single cells cannot. Most devices have been asked before for what a move makes of them, so that a move takes a fraction of
// a microsecond. Ends early where nothing is lacking. nullopt where a model finds no room in what it came to.
std::optional<Placement> reassign(const Problem& problem, const Priced& start, const Reassigning& how, const Clock& clock,
                                  Random& random);

}  // namespace quorate
