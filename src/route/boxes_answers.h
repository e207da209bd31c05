// What tiers answer, as the search over boxes wants it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "route/extend.h"
#include "route/trace.h"

namespace quorate {

// A stopping tier. A threshold of it is a position: how many samples, most certain first, it answers. Equal certainties stop
// together, so not every number is one; 0 (kNeverStops) and all are.
struct RankedTier {
  std::vector<std::uint32_t> order;     // [samples], most certain first
  std::vector<std::uint32_t> rank;      // [samples], its inverse
  std::vector<double> certainty;        // [samples], in that order
  std::vector<std::uint32_t> next;      // [samples + 1]: the first position at or after
  std::vector<std::uint32_t> previous;  // [samples + 1]: the last position at or before
  std::vector<std::uint8_t> wrong;      // [samples], by sample

  explicit RankedTier(const TierTrace& tier);
  double threshold(std::uint32_t position) const { return position == 0 ? kNeverStops : certainty[position - 1]; }
};

// The last tiers are taken kLastTiers at a time: a bit for each, by its place in the pool.
inline constexpr std::uint32_t kLastTiers = 64;

struct PrefixAnswers {
  std::vector<std::shared_ptr<const RankedTier>> stopping;
  std::vector<std::uint64_t> last_wrong;  // [samples]: which of the last tiers are wrong
};

// Asks the tiers of a pool: once where each answers by itself (Combine::kLast), else for each prefix, since what a tier
// answers depends on those before it.
class PrefixAsker {
 public:
  explicit PrefixAsker(const Search& search);

  // `last`: places in the pool, all of one group of kLastTiers.
  PrefixAnswers ask(std::span<const std::uint32_t> stopping, std::span<const std::uint32_t> last) const;

 private:
  const Search& search_;
  std::vector<std::shared_ptr<const RankedTier>> alone_;      // [pool]; those that may not stop: null
  std::vector<std::vector<std::uint64_t>> last_wrong_alone_;  // [groups][samples]
};

}  // namespace quorate
