#include "route/count_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "oracle/calibrate.h"
#include "quorate/core/random.h"
#include "route/binomial.h"

namespace quorate {
namespace {

TEST(BinomialCell, CellsAreTheSumsTheyStandFor) {
  const auto direct = [](long n, double p, long k) {
    double total = 0.0;
    for (long i = 0; i <= std::min(k, n); ++i)
      total +=
          oracle::choose(static_cast<std::size_t>(n), static_cast<std::size_t>(i)) * std::pow(p, i) * std::pow(1 - p, n - i);
    return total;
  };
  for (const double p : {0.001, 0.03, 0.5, 0.97})
    for (const long n : {1L, 2L, 17L, 60L}) {
      BinomialCell up(n, p, -1);
      for (long k = -1; k <= n + 1; ++k, up.next_k()) {
        EXPECT_NEAR(up.cumulated(), direct(n, p, k), 1e-10) << n << " " << p << " " << k;
        EXPECT_NEAR(BinomialCell(n, p, k).cumulated(), direct(n, p, k), 1e-10);
        if (n > 1 && k < n) {
          BinomialCell less(n, p, k);
          less.one_draw_less();
          EXPECT_NEAR(less.cumulated(), direct(n - 1, p, k), 1e-10);
          EXPECT_NEAR(less.mass(), direct(n - 1, p, k) - direct(n - 1, p, k - 1), 1e-10);
        }
      }
    }
  EXPECT_NEAR(std::exp(log_factorial(10)), 3628800.0, 1e-3);
  EXPECT_EQ(log_factorial(0), log_factorial(1));
}

// Walks over cells whose probabilities are too small for a double and back.
TEST(BinomialCell, AWalkFromTheFarTailArrivesWhereAComputationDoes) {
  BinomialCell walked(20000, 0.4, 0);
  for (long k = 1; k <= 7900; ++k) walked.next_k();
  const BinomialCell computed(20000, 0.4, 7900);
  EXPECT_NEAR(walked.cumulated() / computed.cumulated(), 1.0, 1e-6);
  EXPECT_NEAR(walked.mass() / computed.mass(), 1.0, 1e-6);
}

// Over every distribution under the hypothesis, cell by cell, the rejection has at most probability delta.
TEST(CountTest, KeepsItsLevelExactly) {
  Random random(1);
  double highest = 0.0;
  for (int i = 0; i < 60; ++i) {
    const std::size_t n = 1 + random.below(40);
    const double mean = 0.02 + 0.4 * random.uniform();
    const double delta = 0.02 + 0.3 * random.uniform();
    const double most_better = i % 3 == 0 ? 1.0 : 0.4 * random.uniform();
    const CountTest test(n, mean, delta, most_better);
    const auto rejects = [&](std::size_t worse, std::size_t better) { return test.rejects(worse, better); };
    const double top = std::min(most_better, (1 - mean) / 2);
    for (int step = 0; step <= 40; ++step) {
      const double q = top * step / 40;
      const double extra = step % 4 == 3 ? random.uniform() * (1 - mean - 2 * q) : 0.0;
      const double level = oracle::rejection_probability(n, mean + q + extra, q, rejects);
      EXPECT_LE(level, delta + 1e-9) << "n " << n << " mean " << mean << " delta " << delta << " q " << q;
      highest = std::max(highest, level / delta);
    }
  }
  EXPECT_GT(highest, 0.97);  // nor is it idle
}

TEST(CountTest, WithoutBetterIsTheBinomialTest) {
  for (const std::size_t n : {1u, 5u, 59u, 300u})
    for (const double mean : {0.01, 0.05, 0.4}) {
      const CountTest test(n, mean, 0.05, 0.0);
      for (std::size_t worse = 0; worse <= n; ++worse)
        EXPECT_EQ(test.rejects(worse, 0),
                  BinomialCell(static_cast<long>(n), mean, static_cast<long>(worse)).cumulated() <= 0.05)
            << n << " " << mean << " " << worse;
    }
  // Nothing wrong in 59 samples is what a twentieth allows with probability 0.0485; in 58 with 0.0510.
  EXPECT_TRUE(CountTest(59, 0.05, 0.05, 0.0).rejects(0, 0));
  EXPECT_FALSE(CountTest(58, 0.05, 0.05, 0.0).rejects(0, 0));
}

TEST(CountTest, RejectsTheMoreTheFewerAreWorseAndTheMoreAreBetter) {
  const CountTest test(2000, 0.01, 0.05, 0.2);
  for (std::size_t better = 0; better < 500; ++better)
    for (std::size_t worse = 1; worse < 500; ++worse) {
      if (!test.rejects(worse, better)) continue;
      ASSERT_TRUE(test.rejects(worse - 1, better));
      ASSERT_TRUE(test.rejects(worse, better + 1));
    }
  EXPECT_TRUE(test.rejects(75, 80));
  EXPECT_FALSE(test.rejects(100, 80));
}

// Close to the normal approximation where that holds: nothing of the sample is wasted.
TEST(CountTest, HasThePowerOfItsSampleSize) {
  const CountTest test(10000, 0.01, 0.05, 0.2);
  std::size_t worse = 0;
  while (test.rejects(worse + 1, 500)) ++worse;
  const double deviation = std::sqrt(static_cast<double>(worse + 500));
  EXPECT_NEAR((500 + 100 - static_cast<double>(worse)) / deviation, 1.645, 0.08);
}

// Levels that pay for a search of thousands are as small as that.
TEST(CountTest, TinyLevelsAreNoLessExact) {
  const CountTest test(10000, 0.02, 1e-10, 0.2);
  std::size_t worse = 0;
  while (test.rejects(worse + 1, 500)) ++worse;
  EXPECT_NEAR((500 + 200 - static_cast<double>(worse)) / std::sqrt(static_cast<double>(worse + 500)), 6.36, 0.25);
}

TEST(CountTest, BoundsHoldAsOftenAsTheySay) {
  constexpr int kDraws = 300;
  int above = 0;
  int share_above = 0;
  double width = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    Random random(7, static_cast<std::uint64_t>(i));
    std::size_t worse = 0;
    std::size_t better = 0;
    for (int sample = 0; sample < 400; ++sample) {
      const double u = random.uniform();
      worse += u < 0.08;
      better += u >= 0.08 && u < 0.13;
    }
    const double bound = count_upper_bound(400, worse, better, 0.1);
    above += bound < 0.03;
    width += bound - (static_cast<double>(worse) - static_cast<double>(better)) / 400;
    share_above += share_upper_bound(400, worse, 0.1) < 0.08;
  }
  const double most = kDraws * 0.1 + 3 * std::sqrt(kDraws * 0.1 * 0.9);
  EXPECT_LE(above, most);
  EXPECT_LE(share_above, most);
  EXPECT_LT(width / kDraws, 1.35 * 1.2816 * std::sqrt(0.13 / 400));
  EXPECT_EQ(share_upper_bound(3, 3, 0.1), 1.0);
  EXPECT_NEAR(share_upper_bound(10, 0, 0.05), 1 - std::pow(0.05, 0.1), 1e-6);
}

}  // namespace
}  // namespace quorate
