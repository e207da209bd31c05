#include "plan/quickest.h"

#include <gmock/gmock.h>

#include "oracle/plan.h"
#include "plan/instances.h"
#include "quorate/plan/simulate.h"

namespace quorate {
namespace {

PlanOptions patient(const Instance& instance) {
  return {.demand = instance.demand, .time_limit_s = 1e9, .max_iterations = 20};
}

TEST(Quickest, IsNeverSlowerThanThePlanOfMostThroughputAndSometimesQuicker) {
  int quicker = 0, count = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Instance instance = random_instance(seed, {.models = 3, .devices = 3, .batches = 4}, 4.0);
    PlanOptions options = patient(instance);
    const Plan most = plan(instance.profile, instance.devices, options);
    if (!most.feasible) continue;
    options.objective = Objective::kLatency;
    options.rate = most.throughput * std::vector{0.2, 0.5, 0.8}[seed % 3];
    const Plan found = plan(instance.profile, instance.devices, options);
    ASSERT_TRUE(found.feasible) << found.why;
    ++count;
    EXPECT_EQ(oracle::fault(found, instance.profile), "") << "seed " << seed;
    EXPECT_GE(found.throughput, options.rate);
    EXPECT_EQ(found.bound, most.bound);
    const std::vector<double> arrivals_s = random_stream(options.rate, kStreamSamples, options.seed);
    EXPECT_EQ(found.p99_latency_s, simulate(found, instance.profile, arrivals_s).p99_latency_s);
    const double before_s = simulate(most, instance.profile, arrivals_s).p99_latency_s;
    EXPECT_LE(found.p99_latency_s, before_s) << "seed " << seed;
    quicker += found.p99_latency_s < before_s;
    EXPECT_EQ(plan_from_json(to_json(found)), found);
  }
  EXPECT_GT(count, 20);
  EXPECT_GT(quicker, count / 10);
}

// One model, one device: batches of 1 give 1 sample/s, batches of 8 give 2.
TEST(Quickest, HasTheRateOrSaysWhatCanBeHad) {
  Profile profile{.models = {"m"}, .batch_sizes = {1, 8}, .kinds = {"gpu"}, .latency_s = {1.0, 4.0}, .memory_bytes = {1, 1}};
  const std::vector<Device> devices = {{"gpu:0", "gpu", 1}};
  PlanOptions options{.objective = Objective::kLatency, .rate = 1.5, .time_limit_s = 1e9};
  EXPECT_EQ(plan(profile, devices, options).batch, std::vector<int>{8});
  options.rate = 2.5;
  const Plan missed = plan(profile, devices, options);
  EXPECT_FALSE(missed.feasible);
  EXPECT_THAT(missed.why, testing::StartsWith("rate is 2.5 samples/s, but the best plan found has 2, and no plan has more"));
  options.rate = 0.0;
  EXPECT_THAT([&] { plan(profile, devices, options); },
              testing::ThrowsMessage<std::invalid_argument>("rate is 0, but must be above 0 and finite for this objective"));
}

TEST(Quickest, ItsStreamHasTheRateAndDependsOnTheSeedAlone) {
  const std::vector<double> arrivals_s = random_stream(50.0, 100000, 1);
  EXPECT_EQ(arrivals_s[0], 0.0);
  EXPECT_TRUE(std::is_sorted(arrivals_s.begin(), arrivals_s.end()));
  EXPECT_NEAR(arrivals_s.back(), 2000.0, 40.0);
  EXPECT_EQ(arrivals_s, random_stream(50.0, 100000, 1));
  EXPECT_NE(arrivals_s, random_stream(50.0, 100000, 2));
}

}  // namespace
}  // namespace quorate
