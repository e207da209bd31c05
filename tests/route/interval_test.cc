#include "route/interval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quorate {
namespace {

using ::testing::ElementsAre;

TEST(Wilson, IsTheIntervalOfThePaperAtAnyLevel) {
  // 81 of 263: 0.2553 to 0.3662 (Newcombe 1998, table I).
  EXPECT_NEAR(wilson(81, 263, 0.95).first, 0.2553, 5e-5);
  EXPECT_NEAR(wilson(81, 263, 0.95).second, 0.3662, 5e-5);
  // The ends solve |p - s| = z sqrt(s (1 - s) / n), z being 1.644854 at 90 %.
  const auto [low, high] = wilson(7, 20, 0.9);
  for (const double end : {low, high}) EXPECT_NEAR(std::abs(0.35 - end), 1.644854 * std::sqrt(end * (1 - end) / 20), 1e-6);
  EXPECT_EQ(wilson(0, 5, 0.95).first, 0.0);
  EXPECT_EQ(wilson(5, 5, 0.95).second, 1.0);
}

// The distribution function of the binomial at k, by its sum.
double below_or_at(std::uint64_t k, std::uint64_t n, double p) {
  double sum = 0.0;
  const auto trials = static_cast<double>(n);
  for (std::uint64_t i = 0; i <= k; ++i) {
    const auto x = static_cast<double>(i);
    sum += std::exp(std::lgamma(trials + 1) - std::lgamma(x + 1) - std::lgamma(trials - x + 1) + x * std::log(p) +
                    (trials - x) * std::log1p(-p));
  }
  return sum;
}

TEST(Binomial, HasTheDistributionOfItsName) {
  constexpr int kDraws = 40'000;
  const std::vector<std::pair<std::uint64_t, double>> cases = {
      {1, 0.3}, {7, 0.5}, {40, 0.2}, {40, 0.26}, {25, 0.9}, {1000, 0.5}, {1000, 0.02}, {50'000, 0.001}, {50'000, 0.7}};
  for (const auto& [n, p] : cases) {
    Random random(n);
    std::vector<int> seen(n + 1);
    for (int draw = 0; draw < kDraws; ++draw) ++seen[binomial(random, n, p)];
    double greatest = 0.0;  // Kolmogorov's statistic; for discrete numbers its level is conservative
    int so_far = 0;
    for (std::uint64_t k = 0; k <= n; ++k) {
      so_far += seen[k];
      if (seen[k] > 0) greatest = std::max(greatest, std::abs(so_far / double(kDraws) - below_or_at(k, n, p)));
    }
    EXPECT_LT(greatest, 1.95 / std::sqrt(kDraws)) << "n " << n << ", p " << p;  // 0.1 % level
  }
}

TEST(Binomial, KnowsWhatIsCertain) {
  Random random(0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(binomial(random, 0, 0.5), 0u);
    EXPECT_EQ(binomial(random, 9, 0.0), 0u);
    EXPECT_EQ(binomial(random, 9, 1.0), 9u);
  }
}

TEST(CellDraws, HaveTheMeansAndVariancesOfAResampledMean) {
  const std::vector<std::size_t> counts = {30, 0, 50, 20};
  const std::vector<double> values = {0.0, 1e9, 1.0, 5.0};
  const std::vector<double> means = CellDraws(counts, 50'000, Random(3)).means(values);
  double sum = 0.0, squares = 0.0;
  for (const double mean : means) {
    sum += mean;
    squares += mean * mean;
  }
  const double mean = sum / 50'000;
  const double variance = (0.5 * 1 + 0.2 * 25 - 1.5 * 1.5) / 100;  // of one sample, by their number
  EXPECT_NEAR(mean, 1.5, 5 * std::sqrt(variance / 50'000));
  EXPECT_NEAR(squares / 50'000 - mean * mean, variance, 0.03 * variance);
}

TEST(CellDraws, AreExactWhereAllSamplesAreAlike) {
  const std::vector<std::size_t> counts = {0, 49};
  EXPECT_THAT(CellDraws(counts, 3, Random(0)).means(std::vector{7.0, 0.1}), ElementsAre(0.1, 0.1, 0.1));
  EXPECT_TRUE(CellDraws(counts, 0, Random(0)).means(std::vector{7.0, 0.1}).empty());
}

TEST(Estimates, TakeQuantilesAndKeepInfinities) {
  EXPECT_EQ(estimate(2.0, {}, 0.95), (Estimate{2.0, 2.0, 2.0}));
  EXPECT_EQ(estimate(2.0, {5.0, 1.0, 3.0, 2.0, 4.0}, 0.5), (Estimate{2.0, 2.0, 4.0}));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(estimate(kInfinity, {kInfinity, 1.0, 1.0, kInfinity, kInfinity, 1.0}, 0.9),
            (Estimate{kInfinity, 1.0, kInfinity}));
}

}  // namespace
}  // namespace quorate
