#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <array>
#include <cstring>

#include "route/pairs.h"
#include "select/cpu.h"

namespace quorate {
namespace {

constexpr std::array<std::uint64_t, 256> kMinusOnes = [] {
  std::array<std::uint64_t, 256> table = {};
  for (std::size_t bits = 0; bits < table.size(); ++bits)
    for (std::size_t i = 0; i < 8; ++i)
      if (bits >> i & 1u) table[bits] |= std::uint64_t{0xff} << (i * 8);
  return table;
}();

#define QUORATE_BODY "route/walk_pairs.inc"
#include "select/every_width.inc"

}  // namespace

void walk_pairs(const PairBlock& block, std::span<const std::int32_t> bound, float before, float share, PairLasts& lasts) {
  QUORATE_WIDEST(walk(block, bound, before, share, lasts));
}

}  // namespace quorate
