#include "select/product_tiles.h"

#include <cstdint>

#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "select/product_tiles.inc"
#include "select/every_width.inc"

}  // namespace

void add_product_tiles(const Rows& rows, double* sums) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (vector_width() == VectorWidth::k512) return on_512::add_tiles(rows, sums);
  if (vector_width() == VectorWidth::k256) return on_256::add_tiles(rows, sums);
#endif
  on_128::add_tiles(rows, sums);
}

}  // namespace quorate
