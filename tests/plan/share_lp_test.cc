#include "plan/share_lp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "oracle/plan.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

struct Case {
  std::vector<double> rate, demand;
};

Case random_case(std::uint64_t seed, std::size_t devices, std::size_t models, double filled) {
  Random random(seed);
  Case result;
  for (std::size_t m = 0; m < models; ++m) result.demand.push_back(std::pow(10.0, -3.0 * random.uniform()));
  for (std::size_t cell = 0; cell < devices * models; ++cell)
    result.rate.push_back(random.uniform() < filled ? std::exp(3.0 * random.normal() + 4.0) : 0.0);
  return result;
}

TEST(ShareLp, OneDeviceIsShared) {
  // Two samples/s of time 1/4 s and 1/2 s each: together 3/4 s a sample.
  const Shares shares = best_shares(std::vector{4.0, 2.0}, std::vector{1.0, 1.0});
  EXPECT_NEAR(shares.throughput, 4.0 / 3.0, 1e-9);
  EXPECT_NEAR(shares.share[0], 1.0 / 3.0, 1e-9);
  EXPECT_NEAR(shares.share[1], 2.0 / 3.0, 1e-9);
  EXPECT_NEAR(shares.price[0], 1.0 / 3.0, 1e-9);
  EXPECT_NEAR(shares.price[1], 2.0 / 3.0, 1e-9);
  EXPECT_NEAR(shares.worth[0], 4.0 / 3.0, 1e-9);
}

TEST(ShareLp, EqualsTheDualOracle) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const std::size_t models = 1 + seed % 3, devices = 1 + seed / 3 % 4;
    const Case c = random_case(seed, devices, models, seed % 2 == 0 ? 1.0 : 0.6);
    const Shares shares = best_shares(c.rate, c.demand);
    const double best = oracle::best_throughput(c.rate, c.demand);
    EXPECT_NEAR(shares.throughput, best, 1e-6 * best) << "seed " << seed;
    EXPECT_GE(shares.bound(), best * (1.0 - 1e-12)) << "seed " << seed;
    EXPECT_LE(shares.bound(), best * (1.0 + 1e-6)) << "seed " << seed;
  }
}

TEST(ShareLp, SharesAndPricesAreFeasible) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::size_t models = 1 + seed % 20, devices = 1 + seed % 7;
    const Case c = random_case(seed, devices, models, 0.5);
    const Shares shares = best_shares(c.rate, c.demand);
    EXPECT_LE(shares.throughput, shares.bound());
    double priced = 0.0;
    for (std::size_t m = 0; m < models; ++m) {
      EXPECT_GE(shares.price[m], 0.0);
      priced += shares.price[m] * c.demand[m];
      double rate = 0.0;
      for (std::size_t cell = m; cell < c.rate.size(); cell += models) {
        rate += shares.share[cell] * c.rate[cell];
        EXPECT_LE(shares.price[m] * c.rate[cell], shares.worth[cell / models]);
        EXPECT_TRUE(c.rate[cell] > 0.0 || shares.share[cell] == 0.0);
      }
      EXPECT_GE(rate, shares.throughput * c.demand[m] * (1.0 - 1e-12));
    }
    EXPECT_NEAR(priced, 1.0, 1e-9);
    for (std::size_t device = 0; device < devices; ++device) {
      double time = 0.0;
      for (std::size_t m = 0; m < models; ++m) time += shares.share[device * models + m];
      EXPECT_LE(time, 1.0 + 1e-12);
    }
  }
}

// The price says what a model's demand costs: by weak duality the throughput with demand[m] + e is at most t / (1 + price[m]
// e), for any e of either sign. A price that is too low breaks it for e < 0, one that is too high for e > 0.
TEST(ShareLp, PricesAreWhatDemandTakesFromTheThroughput) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::size_t models = 2 + seed % 5, devices = 1 + seed % 4;
    const Case c = random_case(seed, devices, models, 1.0);
    const Shares shares = best_shares(c.rate, c.demand);
    for (std::size_t m = 0; m < models; ++m)
      for (const double part : {-0.5, -0.01, 0.01, 0.5}) {
        Case other = c;
        other.demand[m] *= 1.0 + part;
        const double promised = shares.throughput / (1.0 + shares.price[m] * part * c.demand[m]);
        EXPECT_LE(best_shares(other.rate, other.demand).throughput, promised * (1.0 + 1e-6))
            << "seed " << seed << " model " << m;
      }
  }
}

TEST(ShareLp, AModelWithoutAnyRateMakesItZero) {
  const Shares shares = best_shares(std::vector{5.0, 0.0, 0.0, 7.0, 0.0, 0.0}, std::vector{1.0, 0.5, 0.25});
  EXPECT_EQ(shares.throughput, 0.0);
  EXPECT_EQ(shares.bound(), 0.0);
  EXPECT_EQ(shares.price, (std::vector{0.0, 2.0, 0.0}));
}

TEST(ShareLp, ThreadsDoNotDisturbEachOther) {
  const Case c = random_case(1, 4, 6, 0.8);
  const Shares alone = best_shares(c.rate, c.demand);
  std::vector<Shares> found(4);
  {
    std::vector<std::jthread> threads;
    for (Shares& shares : found)
      threads.emplace_back([&] {
        for (int i = 0; i < 20; ++i) shares = best_shares(c.rate, c.demand);
      });
  }
  for (const Shares& shares : found) {
    EXPECT_EQ(shares.share, alone.share);
    EXPECT_EQ(shares.price, alone.price);
  }
}

}  // namespace
}  // namespace quorate
