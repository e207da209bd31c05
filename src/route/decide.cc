#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "route/decide_knowing.h"
#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "route/decide.inc"
#include "select/every_width.inc"

}  // namespace

Decision decide_knowing(std::span<const std::int32_t> known_votes, const Tier& tier,
                        std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                        std::size_t asked, std::span<const float> given) {
  return QUORATE_WIDEST(decide_here(known_votes, tier, member_scores, mean, combine, asked, given));
}

Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                std::size_t asked, std::span<const float> given) {
  return decide_knowing({}, tier, member_scores, mean, combine, asked, given);
}

}  // namespace quorate
