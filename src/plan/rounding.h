// From the relaxation to a placement.
#pragma once

#include <optional>

#include "plan/bound.h"
#include "quorate/core/random.h"

namespace quorate {

enum class Rounding { kLargest, kDrawn };

// Each class's devices take the columns that the relaxation uses, as often as it does in whole devices; the rest go by
// falling remainder, or are drawn in proportion to it. Then every model that is not hosted yet is, where room can be made
// for it. nullopt where it can't, or a pinned model is left out.
std::optional<Placement> rounded(const Problem& problem, const Relaxation& relaxation, Rounding rounding, Random& random);

}  // namespace quorate
