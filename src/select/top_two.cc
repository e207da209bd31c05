#include "select/top_two.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "select/cpu.h"

namespace quorate {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

#define QUORATE_BODY "select/top_two.inc"
#include "select/every_width.inc"

}  // namespace

void find_top_two(std::span<const float* const> scores, std::size_t rows, std::size_t classes, const std::int32_t* own,
                  const TopTwo& first, std::size_t stride) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (vector_width() == VectorWidth::k512) return on_512::find(scores, rows, classes, own, first, stride);
  if (vector_width() == VectorWidth::k256) return on_256::find(scores, rows, classes, own, first, stride);
#endif
  on_128::find(scores, rows, classes, own, first, stride);
}

}  // namespace quorate
