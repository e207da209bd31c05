#include "route/pairs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "quorate/core/random.h"
#include "route/ranking.h"
#include "select/cpu.h"

namespace quorate {
namespace {

// What walk_pairs() says, one last tier and one sample at a time.
void expect_walk(const PairBlock& block, const PairLasts& before, const PairLasts& after,
                 std::span<const std::int32_t> bound, float front_cost, float share) {
  for (std::size_t last = 0; last < before.errors.size(); ++last) {
    std::int32_t change = 0;
    std::int32_t least = 127;
    for (std::size_t p = 0; p < block.size; ++p) {
      change += block.wrong[p] - static_cast<std::int32_t>(block.rows[p][last / 64] >> (last % 64) & 1u);
      if (block.ends[p]) least = std::min(least, change);
    }
    ASSERT_EQ(after.errors[last], before.errors[last] + change);
    ASSERT_EQ(after.change[last], change);
    ASSERT_EQ(after.least[last], least);
    const float at = std::min(front_cost + before.cells[last] * share, static_cast<float>(bound.size() - 1));
    ASSERT_EQ(after.may_matter[last] != 0, before.errors[last] + least < bound[static_cast<std::size_t>(at)]);
  }
}

TEST(WalkPairs, IsTheSameInEveryWidth) {
  const VectorWidth widest = vector_width();
  for (const VectorWidth width : {VectorWidth::k128, VectorWidth::k256, VectorWidth::k512}) {
    if (width > widest) continue;
    vector_width() = width;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      Random random(seed);
      PairLasts lasts;
      lasts.words = 1 + random.below(20);
      std::vector<std::uint64_t> rows(kPairBlock * lasts.words);
      for (std::uint64_t& word : rows) word = random.next() & random.next();
      PairBlock block;
      block.size = 1 + random.below(kPairBlock);
      for (std::size_t p = 0; p < block.size; ++p) {
        block.rows[p] = rows.data() + p * lasts.words;
        block.wrong[p] = static_cast<std::int8_t>(random.below(2));
        block.ends[p] = random.below(3) > 0;
      }
      const std::size_t padded = lasts.words * 64;
      lasts.change.resize(padded);
      lasts.least.resize(padded);
      lasts.may_matter.resize(padded);
      std::vector<std::int32_t> bound(32);
      for (std::int32_t& one : bound) one = static_cast<std::int32_t>(random.below(100));
      std::sort(bound.rbegin(), bound.rend());
      for (std::size_t last = 0; last < padded; ++last) {
        lasts.errors.push_back(static_cast<std::int32_t>(random.below(120)));
        lasts.cells.push_back(static_cast<float>(random.below(64)));
      }
      const PairLasts before = lasts;
      walk_pairs(block, bound, 3.0f, 0.5f, lasts);
      expect_walk(block, before, lasts, bound, 3.0f, 0.5f);
    }
  }
  vector_width() = widest;
}

TEST(RankByCertainty, IsTheStableOrderOfDescendingCertainty) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    std::vector<double> certainty(random.below(400));
    // Few values, many, and such as differ in their last bits only.
    const std::uint64_t kind = random.below(3);
    for (double& one : certainty)
      one = kind == 0   ? static_cast<double>(random.below(4)) / 3.0
            : kind == 1 ? random.uniform()
                        : 0.5 + static_cast<double>(random.below(5)) * 1e-16 * static_cast<double>(random.below(2));
    std::vector<std::uint32_t> expected(certainty.size());
    std::iota(expected.begin(), expected.end(), 0u);
    std::stable_sort(expected.begin(), expected.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return certainty[a] > certainty[b]; });
    ASSERT_EQ(rank_by_certainty(certainty), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace quorate
