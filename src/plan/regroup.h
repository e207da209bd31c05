// Better placements by planning a few devices anew, again and again.
#pragma once

#include "plan/clock.h"
#include "plan/search.h"
#include "quorate/core/random.h"

namespace quorate {

constexpr int kRegroupTries = 200;  // placements scored for a group

// Large neighbourhood search (Shaw 1998). Where memory is tight, few devices hold the throughput down at a time, and a
// change elsewhere gains nothing: so some of those, drawn by what their time is worth, and a few others are a problem of
// their own, of the models that they host, less what the other devices give these. It is annealed; what comes of it is kept
// where the whole is not worse. Ends after `groups`, at a throughput of `enough`, or when the clock is over.
Priced regroup(const Problem& problem, Priced present, int groups, double enough, const Clock& clock, Random& random);

}  // namespace quorate
