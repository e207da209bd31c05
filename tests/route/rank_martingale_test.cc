#include "quorate/route/rank_martingale.h"

#include <gmock/gmock.h>

#include "oracle/rank_martingale.h"
#include "quorate/core/random.h"
#include "route/certainty_cell.h"

namespace quorate {
namespace {

std::vector<RankBet> all_bets() {
  std::vector<RankBet> bets = shape_bets();
  for (const RankBet& bet : share_bets({0.02, 0.28, 0.7})) bets.push_back(bet);
  return bets;
}

TEST(RankMartingale, EqualsTheSlowMixture) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t cells = 1 + random.below(6);
    RankMartingale fast(cells, all_bets());
    std::vector<std::size_t> values;
    std::vector<double> uniforms;
    for (std::size_t i = random.below(20); i > 0; --i) {
      values.push_back(random.below(cells));
      fast.calibrate(values.back());
    }
    double highest = 1.0;
    for (std::size_t i = 1 + random.below(30); i > 0; --i) {
      values.push_back(random.below(cells));
      uniforms.push_back(random.uniform());
      fast.observe(values.back(), uniforms.back());
      const double slow = oracle::capital(values, uniforms, all_bets());
      EXPECT_NEAR(fast.capital(), slow, 1e-9 * slow);
      highest = std::max(highest, fast.capital());
    }
    EXPECT_EQ(fast.highest_capital(), highest);
  }
}

TEST(RankMartingale, BetsOnDensities) {
  for (const RankBet& bet : all_bets()) {
    double sum = 0.0;
    double least = 1.0;
    constexpr int kSteps = 1 << 16;
    for (int i = 0; i < kSteps; ++i) {
      const double here = oracle::density(bet, (i + 0.5) / kSteps);
      sum += here / kSteps;
      least = std::min(least, here);
    }
    EXPECT_NEAR(sum, 1.0, 1e-3);
    EXPECT_GE(least, 0.0);
  }
}

// The mean of the capital over many streams is what it started with.
TEST(RankMartingale, IsFairWithoutChange) {
  double sum = 0.0;
  constexpr int kStreams = 20000;
  for (int stream = 0; stream < kStreams; ++stream) {
    Random random(7, static_cast<std::uint64_t>(stream));
    RankMartingale one(3, all_bets());
    const auto draw = [&] { return random.uniform() < 0.7 ? std::size_t{0} : 1 + random.below(2); };
    for (int i = 0; i < 5; ++i) one.calibrate(draw());
    for (int i = 0; i < 10; ++i) one.observe(draw(), random.uniform());
    sum += one.capital();
  }
  EXPECT_NEAR(sum / kStreams, 1.0, 0.02);
}

TEST(RankMartingale, GoesOnFromItsState) {
  Random random(3);
  RankMartingale one(4, all_bets());
  for (int i = 0; i < 50; ++i) one.calibrate(random.below(4));
  for (int i = 0; i < 50; ++i) one.observe(random.below(4), random.uniform());
  RankMartingale other(4, all_bets());
  other.restore(one.state());
  EXPECT_EQ(other.capital(), one.capital());
  for (int i = 0; i < 50; ++i) {
    const std::size_t cell = random.below(3);
    const double uniform = random.uniform();
    one.observe(cell, uniform);
    other.observe(cell, uniform);
  }
  EXPECT_EQ(other.capital(), one.capital());
  EXPECT_EQ(other.highest_capital(), one.highest_capital());
}

TEST(CertaintyCell, IsAscendingFromFirstToLast) {
  EXPECT_EQ(certainty_cell(0.0), 0u);
  EXPECT_EQ(certainty_cell(1.0), kCertaintyCells - 1);
  EXPECT_EQ(certainty_cell(0.5), kCellsToHalf);
  Random random(1);
  for (int i = 0; i < 100000; ++i) {
    double a = random.uniform();
    double b = random.uniform();
    if (i % 3 == 1) a = std::pow(a, 20), b = std::pow(b, 20);
    if (i % 3 == 2) a = 1 - std::pow(a, 20), b = 1 - std::pow(b, 20);
    if (a > b) std::swap(a, b);
    ASSERT_LE(certainty_cell(a), certainty_cell(b)) << a << " " << b;
    ASSERT_LT(certainty_cell(b), kCertaintyCells);
  }
}

}  // namespace
}  // namespace quorate
