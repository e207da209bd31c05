#include "search/sobol.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "quorate/core/random.h"

namespace quorate {
namespace {

std::vector<double> point(const SobolSequence& sobol, std::int64_t n) {
  std::vector<double> result(sobol.dimensions());
  sobol.at(n, result);
  return result;
}

// scipy.stats.qmc.Sobol(256, scramble=False, bits=30), SciPy 1.17: points in dimensions 0, 1, 2, 9, 99, 254, 255, times
// 2^30.
TEST(Sobol, WithoutScramblingItIsSciPys) {
  const SobolSequence sobol(256, 0);
  const std::size_t dimensions[] = {0, 1, 2, 9, 99, 254, 255};
  const std::map<std::int64_t, std::vector<std::uint64_t>> expected = {
      {1, {536870912, 536870912, 536870912, 536870912, 536870912, 536870912, 536870912}},
      {2, {805306368, 268435456, 268435456, 805306368, 805306368, 805306368, 805306368}},
      {1000, {235929600, 103809024, 556793856, 74448896, 200278016, 466616320, 267386880}},
      {77777, {654794752, 1070784512, 845963264, 300081152, 72556544, 91267072, 702111744}},
      {987654321, {634299257, 588744139, 441832943, 251132351, 856637699, 839969295, 316816977}}};
  for (const auto& [n, values] : expected)
    for (std::size_t i = 0; i < values.size(); ++i)
      EXPECT_EQ(sobol.digits(n, dimensions[i]) >> 34, values[i]) << n << " " << i;
  // All points 1..4095 in all 256 dimensions, which is every number of the table, as one hash.
  std::uint64_t hash = 0;
  for (std::int64_t n = 1; n < 4096; ++n)
    for (std::size_t d = 0; d < 256; ++d) hash = hash * 31 + (sobol.digits(n, d) >> 34);
  EXPECT_EQ(hash, 13529866612760379392u);
}

TEST(Sobol, ScramblingIsNested) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto same = static_cast<int>(random.below(53));  // digits that both begin with, and the next differs
    const std::uint64_t key = random.next(), a = random.next();
    const std::uint64_t flip = std::uint64_t{1} << (63 - same);
    const std::uint64_t b = (a ^ flip) ^ (random.next() & (flip - 1));
    const std::uint64_t differ = nested_scramble(a, key) ^ nested_scramble(b, key);
    EXPECT_EQ(differ >> (63 - same), 1u) << same;
    EXPECT_EQ(nested_scramble(a, key) & 0x7ff, 0u);
  }
}

// How many of points first .. first + 2^m - 1 lie in each of the elementary intervals that cut dimensions[i] into 2^cuts[i].
std::vector<int> counts(const SobolSequence& sobol, std::int64_t first, int m, std::span<const std::size_t> dimensions,
                        std::span<const int> cuts) {
  int all = 0;
  for (const int cut : cuts) all += cut;
  std::vector<int> result(std::size_t{1} << all);
  for (std::int64_t n = first; n < first + (std::int64_t{1} << m); ++n) {
    const auto x = point(sobol, n);
    std::size_t cell = 0;
    for (std::size_t i = 0; i < dimensions.size(); ++i)
      cell = cell << cuts[i] | static_cast<std::size_t>(std::ldexp(x[dimensions[i]], cuts[i]));
    ++result[cell];
  }
  return result;
}

TEST(Sobol, EveryDimensionIsBalanced) {
  const SobolSequence sobol(256, 5);
  for (const std::int64_t block : {0, 1, 5}) {
    std::vector<std::vector<int>> counts(256, std::vector<int>(64));
    for (std::int64_t n = block * 64; n < block * 64 + 64; ++n) {
      const auto x = point(sobol, n);
      for (std::size_t d = 0; d < 256; ++d) ++counts[d][static_cast<std::size_t>(x[d] * 64)];
    }
    for (std::size_t d = 0; d < 256; ++d) EXPECT_EQ(counts[d], std::vector<int>(64, 1)) << d;
  }
}

TEST(Sobol, ElementaryIntervalsOfTwoDimensionsHoldOnePointEach) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const SobolSequence sobol(2, seed);
    for (int m = 0; m <= 10; ++m)
      for (int cut = 0; cut <= m; ++cut)
        for (const std::int64_t block : {0, 3}) {
          const std::size_t dimensions[] = {0, 1};
          const int cuts[] = {cut, m - cut};
          EXPECT_EQ(counts(sobol, block << m, m, dimensions, cuts), std::vector<int>(std::size_t{1} << m, 1))
              << m << " " << cut;
        }
  }
}

// A nested scrambling moves elementary intervals onto others of the same shape, so two seeds have the same counts.
TEST(Sobol, BalanceDoesNotDependOnTheSeed) {
  const SobolSequence one(30, 1), other(30, 2);
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const std::size_t dimensions[] = {random.below(10), 10 + random.below(10), 20 + random.below(10)};
    const int cuts[] = {static_cast<int>(random.below(4)), static_cast<int>(random.below(4)),
                        static_cast<int>(random.below(4))};
    auto a = counts(one, 512, 8, dimensions, cuts), b = counts(other, 512, 8, dimensions, cuts);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    EXPECT_EQ(a, b);
  }
}

TEST(Sobol, EveryPointIsUniformOverSeeds) {
  constexpr int kSeeds = 10'000;
  for (const std::int64_t n : {0, 1, 7, 100}) {
    double sum = 0.0, squares = 0.0, product = 0.0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto x = point(SobolSequence(2, seed), n);
      sum += x[0];
      squares += x[0] * x[0];
      product += (x[0] - 0.5) * (x[1] - 0.5);
    }
    EXPECT_NEAR(sum / kSeeds, 1.0 / 2, 4.5 * std::sqrt(1.0 / 12 / kSeeds)) << n;
    EXPECT_NEAR(squares / kSeeds, 1.0 / 3, 4.5 * std::sqrt(4.0 / 45 / kSeeds)) << n;
    EXPECT_NEAR(product / kSeeds, 0.0, 4.5 / 12 / std::sqrt(kSeeds)) << n;
  }
}

// Far better than random points: the mean of a smooth function is off by far less than 1 / sqrt(n).
TEST(Sobol, IntegratesBetterThanRandom) {
  const SobolSequence sobol(5, 11);
  constexpr int kPoints = 4096;
  double sum = 0.0;
  for (int n = 0; n < kPoints; ++n) {
    double product = 1.0;
    for (const double x : point(sobol, n)) product *= 2.0 * x;
    sum += product;
  }
  EXPECT_NEAR(sum / kPoints, 1.0, 0.005);  // random points: about 0.03
}

TEST(Sobol, RefusesMoreDimensionsThanItHas) {
  EXPECT_THAT([] { SobolSequence(257, 0); },
              testing::ThrowsMessage<std::invalid_argument>(
                  testing::HasSubstr("space has 257 parameters, but must have at most 256 with sampling \"sobol\"")));
}

}  // namespace
}  // namespace quorate
