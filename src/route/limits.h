// A search's limits in other units than the front's.
#pragma once

#include "quorate/route/find_cascades.h"
#include "route/extend.h"

namespace quorate {

// Throws std::invalid_argument for limits that are not usable, and where no model alone meets options.max_worst_cost and all
// of them: then no cascade does, as it costs no less, by whatever bound, than a member of its first tier. The message says
// the least that works, or, where limits contradict each other, which of them the nearest model exceeds and by how much.
// `cost` and the options' other costs are checked by check().
void check_limits(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options);

// Fills in search.mean_limits and worst_limits.
void apply_limits(const CascadeOptions& options, Search& search);

}  // namespace quorate
