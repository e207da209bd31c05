#include "quorate/plan/simulate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/simulate.h"
#include "plan/instances.h"

namespace quorate {
namespace {

using testing::ThrowsMessage;

// One device, one model: 2 s at batch 1, 3 s at batch 4, does not run at batch 2.
Profile small_profile() {
  return {{"a"}, {1, 2, 4}, {"gpu"}, {2.0, std::numeric_limits<double>::infinity(), 3.0}, {1, 1, 1}};
}
Plan small_plan() { return {{"a"}, {{"gpu:0", "gpu", 10}}, {4}, {1.0}, {1.0}, 4.0 / 3, 4.0 / 3, {1.0}, true, "", "greedy"}; }

TEST(Simulate, OneModelOnOneDeviceByHand) {
  // At 0 one sample runs alone until 2; the three that came by then take the latency of batch 4 until 5; the last runs
  // to 12.
  const std::vector<double> arrivals = {0.0, 0.5, 1.0, 2.0, 10.0};
  const Simulation result = simulate(small_plan(), small_profile(), arrivals);
  EXPECT_EQ(result.latency_s, (std::vector{2.0, 4.5, 4.0, 3.0, 2.0}));
  EXPECT_DOUBLE_EQ(result.mean_latency_s, 15.5 / 5);
  EXPECT_EQ(result.p50_latency_s, 3.0);
  EXPECT_EQ(result.p99_latency_s, 4.5);
  EXPECT_EQ(result.max_latency_s, 4.5);
  EXPECT_EQ(result.makespan_s, 12.0);
  EXPECT_DOUBLE_EQ(result.throughput, 5.0 / 12);
  EXPECT_EQ(result.utilisation, (std::vector{7.0 / 12}));
  EXPECT_EQ(result.max_queue, (std::vector<std::size_t>{2}));
}

TEST(Simulate, SaturatedDeviceHasAClosedForm) {
  for (const std::size_t samples : {1u, 4u, 5u, 400u, 403u}) {
    const Simulation result = simulate(small_plan(), small_profile(), std::vector<double>(samples, 0.0));
    const double tail_s = samples % 4 == 0 ? 0.0 : samples % 4 == 1 ? 2.0 : 3.0;
    EXPECT_DOUBLE_EQ(result.makespan_s, static_cast<double>(samples / 4) * 3.0 + tail_s);
    EXPECT_EQ(result.utilisation[0], 1.0);
    EXPECT_EQ(result.max_queue[0], samples - std::min<std::size_t>(samples, 4));
  }
}

TEST(Simulate, SamplesWithoutModelsAreAnsweredAtOnce) {
  const std::vector<double> arrivals(10, 0.0);
  const Simulation sparse = simulate(small_plan(), small_profile(), arrivals, {.demand = {0.25}});
  // Samples 3 and 7 reach the model: together in one batch.
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(sparse.latency_s[i], i == 3 || i == 7 ? 3.0 : 0.0);
  const Simulation nothing = simulate(small_plan(), small_profile(), arrivals, {.demand = {0.0}});
  EXPECT_EQ(nothing.makespan_s, 0.0);
  EXPECT_EQ(nothing.throughput, std::numeric_limits<double>::infinity());
  EXPECT_EQ(nothing.utilisation, (std::vector{0.0}));
}

struct Case {
  Instance instance;
  Plan plan;
};

std::vector<Case> feasible_cases(std::uint64_t count, InstanceSize size, double room) {
  std::vector<Case> cases;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    Instance instance = random_instance(seed, size, room);
    PlanOptions options{.demand = instance.demand, .time_limit_s = 1e9, .max_iterations = 20};
    Plan found = plan(instance.profile, instance.devices, options);
    if (found.feasible) cases.push_back({std::move(instance), std::move(found)});
  }
  return cases;
}

TEST(Simulate, EqualsTheOracle) {
  for (const Case& c : feasible_cases(300, {.models = 3, .devices = 2, .batches = 3}, 1.5)) {
    Random random(static_cast<std::uint64_t>(c.plan.throughput));
    std::vector<double> arrivals;
    double now_s = 0.0;
    for (std::size_t i = 0; i < 60; ++i) {
      arrivals.push_back(now_s);
      if (random.below(3) > 0) now_s += random.uniform() * 3.0 / c.plan.throughput;
    }
    const Simulation result = simulate(c.plan, c.instance.profile, arrivals);
    const oracle::Played played = oracle::play(c.plan, c.instance.profile, arrivals, c.plan.demand);
    ASSERT_EQ(result.latency_s, played.latency_s);
    for (std::size_t device = 0; device < played.busy_s.size(); ++device) {
      EXPECT_NEAR(result.utilisation[device] * result.makespan_s, played.busy_s[device], 1e-9 * result.makespan_s);
      EXPECT_LE(result.utilisation[device], 1.0 + 1e-9);
    }
    EXPECT_EQ(result, simulate(c.plan, c.instance.profile, arrivals));
  }
}

// The plan's shares are not enforced: the policy alone brings the stream near the planned throughput, and nothing exceeds it
// by more than the end of the stream, where samples are fewer than demand x samples by less than one a model.
TEST(Simulate, SaturatedThroughputIsNearThePlans) {
  double worst = 1.0, sum = 0.0;
  const std::vector<Case> cases = feasible_cases(100, {.models = 5, .devices = 3, .batches = 3}, 2.0);
  for (const Case& c : cases) {
    const std::vector<double> arrivals(40000, 0.0);
    const double ratio = simulate(c.plan, c.instance.profile, arrivals).throughput / c.plan.throughput;
    EXPECT_LE(ratio, 1.002);
    worst = std::min(worst, ratio);
    sum += ratio;
  }
  ASSERT_GT(cases.size(), 50u);
  EXPECT_GE(sum / static_cast<double>(cases.size()), 0.98);
  EXPECT_GE(worst, 0.9);
  RecordProperty("worst", std::to_string(worst));
  RecordProperty("mean", std::to_string(sum / static_cast<double>(cases.size())));
}

void expect_fault(const Plan& plan, const Profile& profile, const std::vector<double>& arrivals,
                  const std::vector<double>& demand, const std::string& what) {
  EXPECT_THAT([&] { simulate(plan, profile, arrivals, {.demand = demand}); }, ThrowsMessage<std::invalid_argument>(what));
}

TEST(Simulate, NamesBadArguments) {
  const std::vector<double> one = {0.0};
  const Profile profile = small_profile();
  expect_fault(small_plan(), profile, {}, {}, "arrivals_s is empty, but must hold at least one arrival");
  expect_fault(small_plan(), profile, {0.0, std::nan("")}, {}, "arrivals_s[1] is nan, but must be finite");
  expect_fault(small_plan(), profile, {1.0, 0.5}, {}, "arrivals_s[1] is 0.5, but must be at least 1, the one before it");
  expect_fault(small_plan(), profile, one, {1.0, 1.0}, "demand has 2 entries, but must have 1, one for each model");
  expect_fault(small_plan(), profile, one, {1.5}, "demand of model \"a\" is 1.5, but must be from 0 to 1");
  Plan other = small_plan();
  other.batch = {0};
  other.share = {0.0};
  expect_fault(other, profile, one, {}, "demand of model \"a\" is 1, but must be 0 because the plan does not place it");
  other = small_plan();
  other.feasible = false;
  other.why = "no room";
  expect_fault(other, profile, one, {}, "plan is infeasible (no room), but must be feasible to be simulated");
  other = small_plan();
  other.models = {"b"};
  expect_fault(other, profile, one, {}, "plan is for models b, but must be for the profile's: a");
  other = small_plan();
  other.devices[0].kind = "tpu";
  expect_fault(other, profile, one, {}, "kind of device \"gpu:0\" is \"tpu\", but must be one of the profile's: gpu");
  for (const int batch : {2, 3}) {
    other = small_plan();
    other.batch = {batch};
    expect_fault(other, profile, one, {},
                 "batch of model \"a\" on device \"gpu:0\" is " + std::to_string(batch) +
                     ", but must be a batch size that the profile has a latency for on kind \"gpu\"");
  }
}

}  // namespace
}  // namespace quorate
