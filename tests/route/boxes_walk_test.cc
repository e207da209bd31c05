#include "route/boxes_walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "quorate/core/random.h"
#include "route/boxes_prefix.h"
#include "route/known_front.h"

namespace quorate {
namespace {

// Tiers whose certainties agree more or less, so that ranges of several tiers share samples.
PrefixAnswers random_answers(Random& random, std::size_t thresholds, std::size_t samples) {
  PrefixAnswers answers;
  const std::uint64_t levels = 2 + random.below(30);
  std::vector<std::uint64_t> ease(samples);
  for (std::uint64_t& one : ease) one = random.below(levels);
  for (std::size_t tier = 0; tier < thresholds; ++tier) {
    TierTrace trace(samples);
    for (std::size_t sample = 0; sample < samples; ++sample) {
      trace.certainty[sample] = static_cast<double>(ease[sample] + random.below(3)) / 64.0;
      trace.wrong[sample] = random.below(2) == 1;
    }
    answers.stopping.push_back(std::make_shared<const RankedTier>(trace));
  }
  answers.last_wrong.resize(samples);
  for (std::uint64_t& one : answers.last_wrong) one = random.below(4);
  return answers;
}

using Positions = std::vector<std::uint32_t>;

struct Exact {
  std::int32_t value = 0;
  std::vector<std::int32_t> reach;  // tier 1, 2 ...
};

// What a cascade with these positions comes to: errors << shift, and the tiers' prices that samples pay.
Exact exact_value(const Prefix& prefix, const Positions& positions, const std::vector<std::int32_t>& price, int shift) {
  Exact result;
  result.reach.assign(prefix.thresholds(), 0);
  for (std::size_t x = 0; x < prefix.samples(); ++x) {
    const std::uint32_t sample = prefix.tier(0).order[x];
    std::size_t k = 0;
    while (k < prefix.thresholds() && prefix.tier(k).rank[sample] >= positions[k]) {
      ++result.reach[k];
      result.value += price[k++];
    }
    const bool wrong =
        k < prefix.thresholds() ? prefix.tier(k).wrong[sample] != 0 : (prefix.column(0).last[x] >> 1 & 1u) != 0;
    result.value += wrong ? 1 << shift : 0;
  }
  return result;
}

struct Room {
  std::uint32_t low[kMostThresholds - 1][kWalkLanes] = {};
  std::uint32_t high[kMostThresholds - 1][kWalkLanes] = {};
  std::int32_t step[kMostThresholds][kWalkLanes] = {};
  std::int32_t value[kWalkLanes] = {};
  std::uint32_t stopped[kMostThresholds][kWalkLanes] = {};

  // All lanes alike: the thresholds but `dim` at these positions.
  WalkLanes lanes(std::size_t dim, const Positions& lows, const Positions& highs, const std::vector<std::int32_t>& price) {
    WalkLanes result{};
    result.lanes = kWalkLanes;
    result.last = 1;
    result.value = value;
    for (std::size_t u = 0, other = 0; u < lows.size(); ++u) {
      if (u == dim) continue;
      std::fill_n(low[other], kWalkLanes, lows[u]);
      std::fill_n(high[other], kWalkLanes, highs[u]);
      result.low[other] = low[other];
      result.high[other] = high[other];
      ++other;
    }
    std::int32_t saved = 0;
    for (std::size_t n = 0; dim + n < lows.size(); ++n) {
      saved -= price[dim + n];
      std::fill_n(step[n], kWalkLanes, saved);
      result.step[n] = step[n];
      result.stopped[n] = stopped[n];
    }
    return result;
  }
};

TEST(BoxesWalk, IsBelowAllThatABoxHolds) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const std::size_t thresholds = 1 + random.below(3), samples = 1 + random.below(14);
    const Prefix prefix(random_answers(random, thresholds, samples));
    const int shift = static_cast<int>(random.below(4));
    std::vector<std::int32_t> price(thresholds);
    for (std::int32_t& one : price) one = static_cast<std::int32_t>(random.below(8));
    Positions low(thresholds), high(thresholds);
    for (std::size_t dim = 0; dim < thresholds; ++dim) {
      low[dim] = prefix.tier(dim).next[random.below(samples + 1)];
      high[dim] = prefix.tier(dim).next[low[dim] + random.below(samples + 1 - low[dim])];
    }

    const Exact lowest = exact_value(prefix, low, price, shift);
    std::int32_t bound = lowest.value;
    Room room;
    for (std::size_t dim = 0; dim < thresholds; ++dim) {
      const WalkLanes lanes = room.lanes(dim, low, high, price);
      walk(thresholds, dim, prefix.column(dim), low[dim], high[dim], shift, lanes);
      bound += room.value[3];

      // With the others where they are, a move of this one changes what change() says.
      Positions moved = low;
      moved[dim] = high[dim];
      const Exact after = exact_value(prefix, moved, std::vector<std::int32_t>(thresholds), 0);
      const Exact before = exact_value(prefix, low, std::vector<std::int32_t>(thresholds), 0);
      change(thresholds, dim, prefix.column(dim), low[dim], high[dim], lanes);
      EXPECT_EQ(room.value[kWalkLanes - 1], after.value - before.value) << "seed " << seed;
      for (std::size_t k = dim; k < thresholds; ++k)
        EXPECT_EQ(static_cast<std::int32_t>(room.stopped[k - dim][5]), before.reach[k] - after.reach[k]) << "seed " << seed;
    }

    std::int32_t least = lowest.value;
    Positions at = low;
    const auto try_all = [&](auto&& self, std::size_t dim) -> void {
      if (dim == thresholds) {
        least = std::min(least, exact_value(prefix, at, price, shift).value);
        return;
      }
      for (at[dim] = low[dim]; at[dim] <= high[dim];
           at[dim] = at[dim] < samples ? prefix.tier(dim).next[at[dim] + 1] : samples + 1)
        self(self, dim + 1);
    };
    try_all(try_all, 0);
    EXPECT_LE(bound, least) << "seed " << seed;
  }
}

TEST(KnownFront, SaysTheMostThatTheFrontReaches) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    std::vector<double> limit(2 + random.below(8));
    double cost = static_cast<double>(8 + random.below(8));
    for (double& one : limit) one = cost -= static_cast<double>(random.below(3)) / 2;
    const KnownFront known(limit);
    const auto errors_at = [&](double most) {
      for (std::size_t e = 0; e < limit.size(); ++e)
        if (limit[e] <= most) return static_cast<double>(e);
      return static_cast<double>(limit.size() - 1);
    };
    const double low = static_cast<double>(random.below(64)) / 4, high = low + static_cast<double>(random.below(24)) / 4;
    const double slope = random.uniform() * 2;
    double most = 0.0;
    for (double at = low; at <= high; at += 0.0625) most = std::max(most, errors_at(at) + slope * at);
    EXPECT_GE(known.highest(low, high, slope), most) << "seed " << seed;
    EXPECT_LE(known.highest(low, high, slope), most + slope * 0.0625 + 1e-9) << "seed " << seed;
    EXPECT_EQ(known.errors_at(low), errors_at(low)) << "seed " << seed;
    if (high > low) {
      EXPECT_EQ(known.slope(low, high), (errors_at(low) - errors_at(high)) / (high - low)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace quorate
