#include "route/betting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quorate/core/random.h"

namespace quorate {
namespace {

TEST(Betting, RejectsATrueHypothesisAtMostDeltaOfTheTime) {
  constexpr double kDelta = 0.1;
  constexpr int kResamples = 4000;
  int rejected = 0;
  int above_bound = 0;
  for (int i = 0; i < kResamples; ++i) {
    Random random(static_cast<std::uint64_t>(i), 1);
    std::vector<std::int8_t> d(300);
    for (std::int8_t& one : d) {
      const double u = random.uniform();
      one = static_cast<std::int8_t>(u < 0.1 ? 1 : u < 0.15 ? -1 : 0);
    }
    rejected += log_capital(d, 0.05, kDelta) >= std::log(1 / kDelta);
    if (i < 500) above_bound += upper_bound(d, kDelta) < 0.05;
  }
  EXPECT_LE(rejected, kResamples * kDelta + 3 * std::sqrt(kResamples * kDelta * (1 - kDelta)));
  EXPECT_GE(rejected, kResamples * kDelta / 4);  // nor is it idle
  EXPECT_LE(above_bound, 500 * kDelta + 3 * std::sqrt(500 * kDelta * (1 - kDelta)));
}

TEST(Betting, BoundIsWhereTheTestTurns) {
  Random random(10);
  std::vector<std::int8_t> d(500);
  for (std::int8_t& one : d) one = static_cast<std::int8_t>(random.below(20) == 0 ? 1 : 0);
  double before = -1.0;
  for (double mean = -1.0; mean < 1.0; mean += 0.01) {
    const double capital = log_capital(d, mean, 0.05);
    EXPECT_GE(capital, before);
    before = capital;
  }
  const double bound = upper_bound(d, 0.05);
  EXPECT_GE(log_capital(d, bound, 0.05), std::log(20.0));
  EXPECT_LT(log_capital(d, bound - 1e-6, 0.05), std::log(20.0));
  EXPECT_EQ(upper_bound(std::vector<std::int8_t>{0}, 0.05), 1.0);
}

}  // namespace
}  // namespace quorate
