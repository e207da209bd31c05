#include "route/ranking.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quorate {

std::vector<std::uint32_t> rank_by_certainty(std::span<const double> certainty) {
  // By the first 32 bits after the point, in passes of 11, 11 and 10, each stable; what they do not tell apart is compared.
  // A key has them above, and the sample below.
  constexpr int kBits[] = {11, 11, 10}, kShifts[] = {32, 43, 54};
  const std::size_t n = certainty.size();
  std::vector<std::uint64_t> keys(n), sorted(n);
  std::array<std::array<std::uint32_t, 1u << 11>, 3> at = {};
  const auto bucket = [&](std::uint64_t key, std::size_t pass) { return key >> kShifts[pass] & ((1u << kBits[pass]) - 1); };
  constexpr std::uint64_t kScale = 0xffffffff;
  for (std::size_t i = 0; i < n; ++i) {
    // Ascending in 1 - certainty, rounded alike for equals: the sum of two rounded terms would not be.
    keys[i] = (kScale - static_cast<std::uint64_t>(certainty[i] * double{kScale})) << 32 | i;
    for (std::size_t pass = 0; pass < at.size(); ++pass) ++at[pass][bucket(keys[i], pass)];
  }
  for (std::size_t pass = 0; pass < at.size(); ++pass) {
    std::uint32_t sum = 0;
    for (std::uint32_t& count : at[pass]) sum += std::exchange(count, sum);
    for (const std::uint64_t key : keys) sorted[at[pass][bucket(key, pass)]++] = key;
    keys.swap(sorted);
  }
  std::vector<std::uint32_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(keys[i]);
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin + 1;
    while (end < n && keys[end] >> 32 == keys[begin] >> 32) ++end;
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin),
               last = order.begin() + static_cast<std::ptrdiff_t>(end);
    const auto surer = [&](std::uint32_t a, std::uint32_t b) { return certainty[a] > certainty[b]; };
    if (end - begin > 1 && !std::is_sorted(first, last, surer)) std::stable_sort(first, last, surer);
    begin = end;
  }
  return order;
}

}  // namespace quorate
