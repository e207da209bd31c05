#include "route/ranking.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quorate {

std::vector<std::uint32_t> rank_by_certainty(std::span<const double> certainty) {
  // By the first 33 bits after the point, in three passes of 11, each stable; what they do not tell apart is compared.
  constexpr int kBits = 11;
  constexpr std::size_t kBuckets = std::size_t{1} << kBits;
  struct Key {
    std::uint64_t doubt;
    std::uint32_t sample;
  };
  const std::size_t n = certainty.size();
  std::vector<Key> keys(n);
  std::vector<Key> sorted(n);
  std::array<std::array<std::uint32_t, kBuckets>, 3> at = {};
  constexpr double kScale = 8589934591.0;  // 2^33 - 1
  for (std::size_t i = 0; i < n; ++i) {
    // Ascending in 1 - certainty, rounded alike for equals: the sum of two rounded terms would not be.
    keys[i] = {static_cast<std::uint64_t>(kScale) - static_cast<std::uint64_t>(certainty[i] * kScale),
               static_cast<std::uint32_t>(i)};
    for (int pass = 0; pass < 3; ++pass)
      ++at[static_cast<std::size_t>(pass)][keys[i].doubt >> (pass * kBits) & (kBuckets - 1)];
  }
  for (int pass = 0; pass < 3; ++pass) {
    auto& next = at[static_cast<std::size_t>(pass)];
    std::uint32_t sum = 0;
    for (std::uint32_t& count : next) sum += std::exchange(count, sum);
    for (const Key& key : keys) sorted[next[key.doubt >> (pass * kBits) & (kBuckets - 1)]++] = key;
    keys.swap(sorted);
  }
  std::vector<std::uint32_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = keys[i].sample;
  for (std::size_t begin = 0; begin < n;) {
    std::size_t end = begin + 1;
    while (end < n && keys[end].doubt == keys[begin].doubt) ++end;
    if (end - begin > 1)
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin), order.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](std::uint32_t a, std::uint32_t b) { return certainty[a] > certainty[b]; });
    begin = end;
  }
  return order;
}

}  // namespace quorate
