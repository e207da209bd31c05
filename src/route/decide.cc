#include <algorithm>
#include <array>
#include <cmath>

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
#define QUORATE_STEP(width) return width::decide_here(known_votes, tier, member_scores, mean, combine, asked, given)
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (vector_width() == VectorWidth::k512) QUORATE_STEP(on_512);
  if (vector_width() == VectorWidth::k256) QUORATE_STEP(on_256);
#endif
  QUORATE_STEP(on_128);
#undef QUORATE_STEP
}

Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                std::size_t asked, std::span<const float> given) {
  return decide_knowing({}, tier, member_scores, mean, combine, asked, given);
}

}  // namespace quorate
