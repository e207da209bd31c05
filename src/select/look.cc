#include "select/look.h"

#include "select/cpu.h"

namespace quorate {
namespace {

namespace on_128 {
constexpr int kBytes = 16;
#include "select/look.inc"
}  // namespace on_128

#if defined(__x86_64__) && defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace on_256 {
constexpr int kBytes = 32;
#include "select/look.inc"
}  // namespace on_256
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
namespace on_512 {
constexpr int kBytes = 64;
#include "select/look.inc"
}  // namespace on_512
#pragma GCC pop_options
#endif

}  // namespace

void look(const LookAt& at, const Glances::Models& models, std::size_t begin, std::size_t end, double* wrong,
          std::int8_t* undecided) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (vector_width() == VectorWidth::k512) return on_512::look(at, models, begin, end, wrong, undecided);
  if (vector_width() == VectorWidth::k256) return on_256::look(at, models, begin, end, wrong, undecided);
#endif
  on_128::look(at, models, begin, end, wrong, undecided);
}

}  // namespace quorate
