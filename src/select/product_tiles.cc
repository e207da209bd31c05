#include "select/product_tiles.h"

#include <cstdint>

#include "select/cpu.h"

namespace quorate {
namespace {

#define QUORATE_BODY "select/product_tiles.inc"
#include "select/every_width.inc"

}  // namespace

void add_product_tiles(const Rows& rows, double* sums) { QUORATE_WIDEST(add_tiles(rows, sums)); }

}  // namespace quorate
