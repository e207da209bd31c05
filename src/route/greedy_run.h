// One run of Streeter's greedy, for one epsilon; quorate/route/greedy_cascades.h says what it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "route/trace.h"

namespace quorate {

// A sample in the order of one model's certainty, in one word: its index, its errors over the reference's plus one, and
// whether the next is of lower certainty.
class GreedySample {
 public:
  GreedySample(std::uint32_t sample, int more_errors, bool last_of_equals)
      : word_(sample << 3 | static_cast<std::uint32_t>(more_errors + 1) << 1 | (last_of_equals ? 1u : 0u)) {}
  std::uint32_t sample() const { return word_ >> 3; }
  int more_errors() const { return static_cast<int>(word_ >> 1 & 3u) - 1; }
  bool last_of_equals() const { return (word_ & 1u) != 0; }
  void end_equals() { word_ |= 1u; }

 private:
  std::uint32_t word_;
};
inline constexpr std::size_t kMostGreedySamples = std::size_t{1} << 29;

struct GreedyPool {
  std::vector<TierTrace> traces;                   // [models]
  std::vector<std::vector<GreedySample>> ranking;  // [models][samples], most certain first
  std::span<const double> cost;                    // [models], means
  std::size_t reference = 0;
  std::size_t samples = 0;
  double max_worst_cost = std::numeric_limits<double>::infinity();
  std::size_t max_depth = 0;
};

// A row of GreedyPool::ranking.
std::vector<GreedySample> greedy_ranking(const TierTrace& model, const TierTrace& reference);

struct GreedyTier {
  std::size_t model;
  double threshold;  // a certainty that occurs; the last tier answers all that reaches it
};

// The tiers, in order. O(tiers x models x samples), less for models too dear to win.
std::vector<GreedyTier> greedy_tiers(const GreedyPool& pool, double epsilon);

}  // namespace quorate
