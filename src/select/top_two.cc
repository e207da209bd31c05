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
  QUORATE_WIDEST(find(scores, rows, classes, own, first, stride));
}

}  // namespace quorate
