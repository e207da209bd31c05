// A placement by fixing what one device after the other hosts.
#pragma once

#include <optional>

#include "plan/bound.h"
#include "plan/clock.h"
#include "plan/rounding.h"
#include "plan/search.h"
#include "quorate/core/random.h"

namespace quorate {

// Diving (Sadykov et al. 2019): of the relaxation's columns the one that is used most, or one drawn by its use, is fixed on
// as many devices of its class as use it whole, one at least; the others' columns are generated anew around it, and so on.
// What each of these relaxations rounds to is a candidate, and the best of them is returned. Ends where every device is
// fixed, or where nothing better than `beaten` can come; nullopt where no candidate was better.
std::optional<Priced> dive(const Problem& problem, const Relaxation& root, double beaten, Rounding how, const Clock& clock,
                           Random& random);

}  // namespace quorate
