// A committee without some of its members.
#pragma once

#include <optional>
#include <vector>

#include "quorate/route/cascade.h"

namespace quorate {

// The tier's members that are present [members], their weights scaled to sum to 1. At least one must be.
Tier survivors(const Tier& tier, const std::vector<bool>& present);

// Without the members numbered `lost` (through the tiers in order, ascending). A tier that nobody is left of is not asked;
// the last of those left answers whatever it is sure of. nullopt where none is.
std::optional<Cascade> survivors(const Cascade& cascade, const std::vector<std::size_t>& lost);

}  // namespace quorate
