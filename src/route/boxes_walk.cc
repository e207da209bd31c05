#include "route/boxes_walk.h"

#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "route/boxes_walk.inc"
#include "select/every_width.inc"

}  // namespace

void walk(std::size_t thresholds, std::size_t dim, const WalkColumn& column, std::size_t begin, std::size_t end, int shift,
          const WalkLanes& lanes) {
  QUORATE_WIDEST(any_pass<true>(thresholds, dim, column, begin, end, shift, lanes));
}

void change(std::size_t thresholds, std::size_t dim, const WalkColumn& column, std::size_t begin, std::size_t end,
            const WalkLanes& lanes) {
  QUORATE_WIDEST(any_pass<false>(thresholds, dim, column, begin, end, 0, lanes));
}

}  // namespace quorate
