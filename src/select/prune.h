// Which models pruning by loss alone leaves at each budget.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/select/select.h"

namespace quorate {

// For a budget, models that cost more alone go, then the one of most loss alone, one by one, until the rest cost no more
// together: as AutoGluon's trainer prunes for its infer_limit. Gives each set of at least two models, ascending, that is
// left at some budget, in the order of the least budget that leaves it: one to four times as many as there are models.
// `best_first` are the models by their loss alone.
std::vector<std::vector<int>> pruned_sets(std::span<const int> best_first, const Cost& cost);

}  // namespace quorate
