// The samples in the orders of a cascade's stopping tiers: what walks read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "route/boxes_answers.h"
#include "route/boxes_walk.h"

namespace quorate {

class Prefix {
 public:
  explicit Prefix(PrefixAnswers answers);

  std::size_t thresholds() const { return answers_.stopping.size(); }
  std::size_t samples() const { return answers_.last_wrong.size(); }
  const RankedTier& tier(std::size_t dim) const { return *answers_.stopping[dim]; }
  const WalkColumn& column(std::size_t dim) const { return columns_[dim]; }

  // Positions of threshold `dim` in block `block`, [block * window, (block + 1) * window): the lowest and the highest. There
  // are none where the lowest is above the highest.
  std::uint32_t low(std::size_t dim, std::size_t block, std::size_t window) const { return tier(dim).next[block * window]; }
  std::uint32_t high(std::size_t dim, std::size_t block, std::size_t window) const {
    return tier(dim).previous[std::min((block + 1) * window - 1, samples())];
  }
  bool has(std::size_t dim, std::size_t block, std::size_t window) const {
    return block * window <= samples() && low(dim, block, window) <= high(dim, block, window);
  }

  // Columns point into this.
  Prefix(const Prefix&) = delete;
  Prefix& operator=(const Prefix&) = delete;

 private:
  PrefixAnswers answers_;
  std::vector<std::vector<std::uint32_t>> ranks_;    // [thresholds * (thresholds - 1)][samples]
  std::vector<std::vector<std::uint64_t>> last_;     // [thresholds][samples]
  std::vector<std::vector<std::uint8_t>> stopping_;  // [thresholds][samples]
  WalkColumn columns_[kMostThresholds] = {};
};

}  // namespace quorate
