#include <gmock/gmock.h>

#include "oracle/plan.h"
#include "plan/instances.h"

namespace quorate {
namespace {

Instance priced_instance(std::uint64_t seed) {
  Instance instance = random_instance(seed, {.models = 1 + seed % 3, .devices = 3, .batches = 2}, 4.0);
  Random random(seed, 9);
  for (Device& device : instance.devices) device.usd_per_hour = 0.5 + 3.0 * random.uniform();
  return instance;
}

// The least that a set of devices costs whose best plan has the rate, by trying every set.
double least_by_trying(const Instance& instance, double rate, bool money) {
  double least = std::numeric_limits<double>::infinity();
  for (unsigned set = 1; set < 8; ++set) {
    std::vector<Device> devices;
    double cost = 0.0;
    for (std::size_t i = 0; i < 3; ++i)
      if (set >> i & 1) {
        devices.push_back(instance.devices[i]);
        cost += money ? instance.devices[i].usd_per_hour : 1.0;
      }
    const oracle::BestPlan best = oracle::best_plan(instance.profile, devices, instance.demand);
    if (best.feasible && best.throughput >= rate) least = std::min(least, cost);
  }
  return least;
}

TEST(Cheapest, EqualsTryingEverySetOfDevices) {
  int equal = 0, count = 0;
  double bounds = 0.0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Instance instance = priced_instance(seed);
    const oracle::BestPlan all = oracle::best_plan(instance.profile, instance.devices, instance.demand);
    if (!all.feasible) continue;
    const bool money = seed % 2 == 0;
    PlanOptions options{.demand = instance.demand, .time_limit_s = 1e9, .max_iterations = 50};
    options.objective = money ? Objective::kMoney : Objective::kDevices;
    options.rate = all.throughput * std::vector{0.2, 0.5, 0.8}[seed / 2 % 3];
    const double least = least_by_trying(instance, options.rate, money);
    const Plan found = plan(instance.profile, instance.devices, options);
    ASSERT_TRUE(found.feasible) << found.why;
    EXPECT_EQ(oracle::fault(found, instance.profile), "") << "seed " << seed;
    EXPECT_GE(found.throughput, options.rate);
    const double cost = money ? found.usd_per_hour() : static_cast<double>(found.devices_in_use());
    EXPECT_GE(cost, least - 1e-9) << "seed " << seed;
    EXPECT_LE(found.least_cost, least + 1e-9) << "seed " << seed;
    EXPECT_GT(found.least_cost, 0.0);
    equal += cost <= least + 1e-9;
    bounds += found.least_cost / least;
    ++count;
  }
  EXPECT_GT(count, 30);
  EXPECT_GE(equal, count * 95 / 100);
  EXPECT_GT(bounds / count, 0.5);
}

TEST(Cheapest, SaysWhatRateCanBeHad) {
  const Instance instance = priced_instance(2);
  const Plan most = plan(instance.profile, instance.devices, {.demand = instance.demand, .time_limit_s = 1e9});
  const Plan found =
      plan(instance.profile, instance.devices,
           {.demand = instance.demand, .objective = Objective::kDevices, .rate = most.bound * 2.0, .time_limit_s = 1e9});
  EXPECT_FALSE(found.feasible);
  EXPECT_THAT(found.why, testing::AllOf(testing::StartsWith("rate is "), testing::HasSubstr("no plan has more than")));
}

}  // namespace
}  // namespace quorate
