#include "plan/price_device.h"

#include <gtest/gtest.h>

#include <cmath>

#include "oracle/price_device.h"
#include "plan/instances.h"

namespace quorate {
namespace {

struct Prices {
  std::vector<double> price, cover, most;
};

Prices random_prices(const Problem& problem, Random& random) {
  Prices prices;
  const double scale = 1000.0 * random.uniform();
  for (std::size_t m = 0; m < problem.models; ++m) {
    prices.price.push_back(random.below(4) == 0 ? 0.0 : random.uniform());
    // The faster the batch, the more at times; and at times less than nothing.
    const double cover = random.below(2) == 0 ? 0.0 : scale * (random.uniform() - 0.2),
                 more = random.below(2) == 0 ? 0.0 : 0.01 * random.uniform();
    for (std::size_t batch = 0; batch < problem.batches; ++batch)
      prices.cover.push_back(cover + more * std::ceil(problem.rate[problem.option(0, m, batch)] / 50.0) * 50.0);
    prices.most.push_back(scale * random.uniform() + 1.0);
  }
  return prices;
}

Problem random_problem(std::uint64_t seed, double room) {
  const Instance instance =
      random_instance(seed, {.models = 1 + seed % 5, .devices = 2, .batches = 1 + seed % 3, .weights = seed % 2 == 0}, room);
  return make_problem(instance.profile, instance.devices, {.demand = instance.demand});
}

TEST(DevicePricer, EqualsTryingEverything) {
  int worth_something = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    const Problem problem = random_problem(seed, std::vector{0.7, 1.2, 2.0}[seed % 7 % 3]);
    Random random(seed, 3);
    const Prices p = random_prices(problem, random);
    const DeviceUse use = DevicePricer(problem, 0).best({p.price, p.cover, p.most}, 1000000);
    const double best = oracle::best_use(problem, 0, p.price, p.cover, p.most);
    EXPECT_NEAR(use.value, best, 1e-8 * best) << "seed " << seed;
    EXPECT_GE(use.bound, best) << "seed " << seed;
    EXPECT_LE(use.bound, best * (1.0 + 1e-8) + 1e-8) << "seed " << seed;
    worth_something += best > 0.0;
    // What it hosts is worth what it says, and can be hosted.
    Placement placement(problem);
    double value = 0.0, time = 0.0;
    for (const Hosted& hosted : use.hosted) {
      ASSERT_TRUE(placement.fits(problem, 0, hosted.m, static_cast<int>(hosted.batch)));
      placement.place(problem, 0, hosted.m, static_cast<int>(hosted.batch));
      const double rate = hosted.share * problem.rate[problem.option(0, hosted.m, hosted.batch)];
      EXPECT_LE(rate, p.most[hosted.m] * (1.0 + 1e-12));
      value += p.cover[hosted.m * problem.batches + hosted.batch] + p.price[hosted.m] * rate;
      time += hosted.share;
    }
    EXPECT_LE(time, 1.0 + 1e-12);
    EXPECT_NEAR(value, use.value, 1e-9 * value);
  }
  EXPECT_GT(worth_something, 1000);
}

TEST(DevicePricer, FindsTheSameHoweverSoonItDivides) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Problem problem = random_problem(seed, std::vector{0.7, 1.2, 2.0}[seed % 7 % 3]);
    Random random(seed, 3);
    const Prices p = random_prices(problem, random);
    const double best = oracle::best_use(problem, 0, p.price, p.cover, p.most);
    for (const std::size_t part_nodes : {1, 5}) {
      const DeviceUse use = DevicePricer(problem, 0).best({p.price, p.cover, p.most}, 1000000, part_nodes);
      EXPECT_NEAR(use.value, best, 1e-8 * best) << "seed " << seed;
      EXPECT_GE(use.bound, best) << "seed " << seed;
      EXPECT_LE(use.bound, best * (1.0 + 1e-8) + 1e-8) << "seed " << seed;
    }
  }
}

TEST(DevicePricer, ItsBoundHoldsWhereItGivesUp) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Problem problem = random_problem(seed, 1.2);
    Random random(seed, 4);
    const Prices p = random_prices(problem, random);
    for (const std::size_t nodes : {0, 1, 3, 10}) {
      const DeviceUse use = DevicePricer(problem, 0).best({p.price, p.cover, p.most}, nodes);
      const double best = oracle::best_use(problem, 0, p.price, p.cover, p.most);
      EXPECT_GE(use.bound, best) << "seed " << seed;
      EXPECT_LE(use.value, best * (1.0 + 1e-12)) << "seed " << seed;
    }
  }
}

TEST(DevicePricer, HostsWhatIsPinned) {
  const Problem free_problem = random_problem(9, 2.0);
  ASSERT_GE(free_problem.models, 2u);
  Problem problem = free_problem;
  problem.pinned[problem.cell(0, 1)] = true;
  std::vector<double> price(problem.models, 0.0), most(problem.models, 1e9);
  price[0] = 1.0;
  const std::vector<double> cover(problem.models * problem.batches, 0.0);
  const DeviceUse use = DevicePricer(problem, 0).best({price, cover, most}, 1000);
  EXPECT_TRUE(std::any_of(use.hosted.begin(), use.hosted.end(), [](const Hosted& hosted) { return hosted.m == 1; }));
}

}  // namespace
}  // namespace quorate
