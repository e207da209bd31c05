#include "select/top_two.h"

#include <limits>

#include "select/cpu.h"

namespace quorate {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

namespace on_128 {
constexpr int kBytes = 16;
#include "select/top_two.inc"
}  // namespace on_128

#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace on_256 {
constexpr int kBytes = 32;
#include "select/top_two.inc"
}  // namespace on_256
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace on_512 {
constexpr int kBytes = 64;
#include "select/top_two.inc"
}  // namespace on_512
#pragma GCC pop_options
#endif

}  // namespace

void find_top_two(const float* scores, std::size_t rows, std::size_t classes, const std::int32_t* own, TopTwo* found) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (vector_width() == VectorWidth::k512) return on_512::find(scores, rows, classes, own, found);
  if (vector_width() == VectorWidth::k256) return on_256::find(scores, rows, classes, own, found);
#endif
  on_128::find(scores, rows, classes, own, found);
}

}  // namespace quorate
