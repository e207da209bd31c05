#include "select/product_tiles.h"

#include <cstdint>

#include "select/cpu.h"

namespace quorate {
namespace {

namespace on_128 {
constexpr int kBytes = 16;
#include "select/product_tiles.inc"
}  // namespace on_128

#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace on_256 {
constexpr int kBytes = 32;
#include "select/product_tiles.inc"
}  // namespace on_256
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace on_512 {
constexpr int kBytes = 64;
#include "select/product_tiles.inc"
}  // namespace on_512
#pragma GCC pop_options
#endif

}  // namespace

void add_product_tiles(const Rows& rows, double* sums) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (vector_width() == VectorWidth::k512) return on_512::add_tiles(rows, sums);
  if (vector_width() == VectorWidth::k256) return on_256::add_tiles(rows, sums);
#endif
  on_128::add_tiles(rows, sums);
}

}  // namespace quorate
