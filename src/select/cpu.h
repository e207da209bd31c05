// Kernels in several widths: the build is for any x86-64, and the widest that this processor has is chosen at run time.
//
// A kernel is a struct with a static, always-inline `template <int kBytes> void run(arguments)`, kBytes being the width of a
// vector register. Its loops are compiled once for each width. Vectors are never arguments, so that the baseline's calling
// convention does not matter.
#pragma once

namespace quorate {

enum class VectorWidth { k128, k256, k512 };

// What kernels use: the processor's, unless a test asks for less.
inline VectorWidth& vector_width() {
#if defined(__x86_64__) && defined(__GNUC__)
  static VectorWidth width = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
      return VectorWidth::k512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? VectorWidth::k256 : VectorWidth::k128;
  }();
#else
  static VectorWidth width = VectorWidth::k128;
#endif
  return width;
}

#if defined(__x86_64__) && defined(__GNUC__)

template <class Kernel, class... Arguments>
[[gnu::target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]] void run_on_512(Arguments... arguments) {
  Kernel::template run<64>(arguments...);
}

template <class Kernel, class... Arguments>
[[gnu::target("avx2,fma")]] void run_on_256(Arguments... arguments) {
  Kernel::template run<32>(arguments...);
}

template <class Kernel, class... Arguments>
[[gnu::target("avx2")]] void run_on_256_unfused(Arguments... arguments) {
  Kernel::template run<32>(arguments...);
}

// The widest. A compiler may fuse a product and a sum, so that the last bits depend on the processor, unless the kernel has
// no such pair.
template <class Kernel, class... Arguments>
void run_widest(Arguments... arguments) {
  switch (vector_width()) {
    case VectorWidth::k512:
      return run_on_512<Kernel>(arguments...);
    case VectorWidth::k256:
      return run_on_256<Kernel>(arguments...);
    case VectorWidth::k128:
      return Kernel::template run<16>(arguments...);
  }
}

// The widest that has no fused product and sum: a kernel with a fixed number of lanes gives the same bits on any processor.
template <class Kernel, class... Arguments>
void run_unfused(Arguments... arguments) {
  if (vector_width() == VectorWidth::k128) return Kernel::template run<16>(arguments...);
  run_on_256_unfused<Kernel>(arguments...);
}

#else

template <class Kernel, class... Arguments>
void run_widest(Arguments... arguments) {
  Kernel::template run<16>(arguments...);
}

template <class Kernel, class... Arguments>
void run_unfused(Arguments... arguments) {
  Kernel::template run<16>(arguments...);
}

#endif

}  // namespace quorate

// What every_width.inc compiled, at the widest: QUORATE_WIDEST(kernel(arguments)).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define QUORATE_WIDEST(...)                                                      \
  (quorate::vector_width() == quorate::VectorWidth::k512   ? on_512::__VA_ARGS__ \
   : quorate::vector_width() == quorate::VectorWidth::k256 ? on_256::__VA_ARGS__ \
                                                           : on_128::__VA_ARGS__)
#else
#define QUORATE_WIDEST(...) on_128::__VA_ARGS__
#endif
