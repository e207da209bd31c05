// A search's limits in other units than the front's.
#pragma once

#include "quorate/route/find_cascades.h"
#include "route/extend.h"

namespace quorate {

// Fills in search.mean_limits and worst_limits. Throws std::invalid_argument for limits that are not usable, and where no
// cascade of one tier meets them all, and so none that is deeper: the message names those that the best tier exceeds, and by
// how much.
void apply_limits(const CascadeOptions& options, Search& search);

}  // namespace quorate
