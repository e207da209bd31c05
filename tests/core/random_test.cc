#include "quorate/core/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>
#include <vector>

namespace quorate {
namespace {

// Seed 0 and stream 0 start from state 0, whose sequence is SplitMix64's published one; the rest was computed by a second
// implementation, with Python's integers. A change here changes every seeded result that users have.
TEST(Random, NumbersArePinned) {
  struct Case {
    std::uint64_t seed, stream;
    std::array<std::uint64_t, 3> expected;
  };
  const Case cases[] = {
      {0, 0, {0xe220a8397b1dcdafu, 0x6e789e6aa1b965f4u, 0x06c45d188009454fu}},
      {1, 0, {0xd300120a5ea35cacu, 0x9f4a3f874fecfd77u, 0x4daf7f017a52aa3fu}},
      {0, 1, {0x846c9eb2d458038au, 0xe32f83b67eee246au, 0x7686ceb22aeead18u}},
      {42, 7, {0x1ff834bc26b0f7feu, 0xfd6d4fb0415917c0u, 0x7c4601127349fa2fu}},
  };
  for (const Case& c : cases) {
    Random random(c.seed, c.stream);
    for (const std::uint64_t expected : c.expected) EXPECT_EQ(random.next(), expected) << c.seed << " " << c.stream;
  }
}

TEST(Random, SeedsAndStreamsShareNothing) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (std::uint64_t stream = 0; stream < 50; ++stream) {
      Random random(seed, stream);
      for (int i = 0; i < 4; ++i) EXPECT_TRUE(seen.insert(random.next()).second) << seed << " " << stream;
    }
}

// 6 standard deviations: a wrong generator fails, this seed does not.
TEST(Random, UniformFillsTheUnitIntervalEvenly) {
  constexpr int kDraws = 100000, kBins = 20;
  Random random(3);
  std::array<int, kBins> count{};
  double sum = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    ++count[static_cast<std::size_t>(value * kBins)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 6.0 / std::sqrt(12.0 * kDraws));
  constexpr double kExpected = double{kDraws} / kBins;
  for (const int observed : count) EXPECT_NEAR(observed, kExpected, 6.0 * std::sqrt(kExpected));
}

TEST(Random, BelowIsUnbiased) {
  constexpr int kDraws = 60000;
  for (std::uint64_t bound = 1; bound <= 12; ++bound) {
    Random random(4, bound);
    std::vector<int> count(bound);
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t value = random.below(bound);
      ASSERT_LT(value, bound);
      ++count[value];
    }
    const double expected = kDraws / static_cast<double>(bound);
    for (const int observed : count) EXPECT_NEAR(observed, expected, 6.0 * std::sqrt(expected)) << "bound " << bound;
  }
}

// With a bound of 3/4 of the range, taking the remainder or the high part without rejection would make a third of the values
// twice as likely as the others.
TEST(Random, BelowIsUnbiasedForAHugeBound) {
  constexpr int kDraws = 60000;
  constexpr std::uint64_t kBound = 3ull << 62;
  Random random(5);
  std::array<int, 3> remainder{};
  int lowest_third = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t value = random.below(kBound);
    ASSERT_LT(value, kBound);
    ++remainder[value % 3];
    lowest_third += value < kBound / 3;
  }
  const double deviation = 6.0 * std::sqrt(kDraws * 2.0 / 9.0);
  for (const int observed : remainder) EXPECT_NEAR(observed, kDraws / 3.0, deviation);
  EXPECT_NEAR(lowest_third, kDraws / 3.0, deviation);
}

TEST(Random, NormalHasTheMomentsOfANormal) {
  constexpr int kDraws = 200000;
  Random random(6);
  double sum = 0.0, square = 0.0, cube = 0.0, fourth = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.normal();
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    square += value * value;
    cube += value * value * value;
    fourth += value * value * value * value;
  }
  const double unit = 6.0 / std::sqrt(double{kDraws});
  EXPECT_NEAR(sum / kDraws, 0.0, unit);
  EXPECT_NEAR(square / kDraws, 1.0, unit * std::sqrt(2.0));
  EXPECT_NEAR(cube / kDraws, 0.0, unit * std::sqrt(15.0));
  EXPECT_NEAR(fourth / kDraws, 3.0, unit * std::sqrt(96.0));
}

}  // namespace
}  // namespace quorate
