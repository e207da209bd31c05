// decide() for those who know the members' votes already, because the members stand in many tiers.
#pragma once

#include <cstdint>
#include <span>

#include "quorate/route/decide.h"

namespace quorate {

// `known_votes` [members]: each member's class of highest score, ties to the lowest; empty: not known.
Decision decide_knowing(std::span<const std::int32_t> known_votes, const Tier& tier,
                        std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                        std::size_t asked, std::span<const float> given);

}  // namespace quorate
