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
  // At 0 one sample runs alone until 2; the three that came by then take 2 + 2/3 s, between batches 1 and 4; the last runs
  // from 10 to 12.
  const std::vector<double> arrivals = {0.0, 0.5, 1.0, 2.0, 10.0};
  const Simulation result = simulate(small_plan(), small_profile(), arrivals, {.record_s = 3.0});
  const double end_s = 2.0 + (2.0 + 2.0 / 3);
  EXPECT_EQ(result.latency_s, (std::vector{2.0, end_s - 0.5, end_s - 1.0, end_s - 2.0, 2.0}));
  EXPECT_DOUBLE_EQ(result.mean_latency_s, (4.0 + 3 * end_s - 3.5) / 5);
  EXPECT_EQ(result.p50_latency_s, end_s - 2.0);
  EXPECT_EQ(result.p99_latency_s, end_s - 0.5);
  EXPECT_EQ(result.max_latency_s, end_s - 0.5);
  EXPECT_EQ(result.makespan_s, 12.0);
  EXPECT_DOUBLE_EQ(result.throughput, 5.0 / 12);
  EXPECT_DOUBLE_EQ(result.utilisation[0], (end_s + 2.0) / 12);
  EXPECT_EQ(result.max_queue, (std::vector<std::size_t>{2}));
  EXPECT_DOUBLE_EQ(result.mean_queue[0], 2.5 / 12);  // waited 1.5 and 1 s, and the third came as it ended
  EXPECT_EQ(result.asked, (std::vector<std::size_t>{5}));
  EXPECT_EQ(result.batches, 3u);
  EXPECT_EQ(result.record, (std::vector<SimulatedBatch>{{0, 0, 1, 0.0, 2.0}, {0, 0, 3, 2.0, end_s}}));
}

TEST(Simulate, SaturatedDeviceHasAClosedForm) {
  for (const std::size_t samples : {1u, 4u, 5u, 400u, 402u, 403u, 5000u}) {
    const Simulation result = simulate(small_plan(), small_profile(), std::vector<double>(samples, 0.0));
    const double tail_s = samples % 4 == 0 ? 0.0 : 2.0 + static_cast<double>(samples % 4 - 1) / 3;
    EXPECT_NEAR(result.makespan_s, static_cast<double>(samples / 4) * 3.0 + tail_s, 1e-9);
    EXPECT_NEAR(result.utilisation[0], 1.0, 1e-12);
    // Segments of 256 are let in while fewer than 512 samples are under way.
    EXPECT_EQ(result.max_queue[0], samples == 5000 ? 764 - 4 : samples - std::min<std::size_t>(samples, 4));
    EXPECT_EQ(result.max_outside, samples == 5000 ? 5000 - 512 : 0);
  }
}

TEST(Simulate, SamplesWithoutModelsAreAnsweredAtOnce) {
  const std::vector<double> arrivals(10, 0.0);
  const Simulation sparse = simulate(small_plan(), small_profile(), arrivals, {.demand = {0.25}});
  // Samples 3 and 7 reach the model: together in one batch.
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(sparse.latency_s[i], i == 3 || i == 7 ? 2.0 + 1.0 / 3 : 0.0);
  const Simulation nothing = simulate(small_plan(), small_profile(), arrivals, {.demand = {0.0}});
  EXPECT_EQ(nothing.makespan_s, 0.0);
  EXPECT_EQ(nothing.throughput, std::numeric_limits<double>::infinity());
  EXPECT_EQ(nothing.utilisation, (std::vector{0.0}));
}

// Three models of 1, 2 and 4 s at batch 1, each on a device of its own.
Profile three_models() { return {{"a", "b", "c"}, {1}, {"gpu"}, {1.0, 2.0, 4.0}, {1, 1, 1}}; }
Plan three_devices() {
  return {{"a", "b", "c"},
          {{"gpu:0", "gpu", 10}, {"gpu:1", "gpu", 10}, {"gpu:2", "gpu", 10}},
          {1, 0, 0, 0, 1, 0, 0, 0, 1},
          {1, 0, 0, 0, 1, 0, 0, 0, 1},
          {1.0, 0.5, 0.25},
          1.0,
          1.0,
          {1.0, 0.0, 0.0},
          true,
          "",
          "greedy"};
}

TEST(Simulate, ACascadeAsksItsTiersInTurn) {
  const std::vector<double> arrivals = {0.0, 10.0, 20.0};
  SimulateOptions options{.tiers = {{0}, {1}, {2}}, .tier = {2, 0, 1}};
  const Simulation in_turn = simulate(three_devices(), three_models(), arrivals, options);
  EXPECT_EQ(in_turn.latency_s, (std::vector{7.0, 1.0, 3.0}));
  EXPECT_EQ(in_turn.asked, (std::vector<std::size_t>{3, 2, 1}));
  // A tier's models run side by side; the slowest of them decides.
  options = {.tiers = {{0}, {1, 2}}, .tier = {1, 0, 1}};
  EXPECT_EQ(simulate(three_devices(), three_models(), arrivals, options).latency_s, (std::vector{5.0, 1.0, 5.0}));
}

TEST(Simulate, ReachIsKeptEvenlyAndNested) {
  const std::vector<double> arrivals(1000, 0.0);
  const Simulation said =
      simulate(three_devices(), three_models(), arrivals, {.tiers = {{0}, {1}, {2}}, .reach = {1.0, 0.5, 0.2}});
  EXPECT_EQ(said.asked, (std::vector<std::size_t>{1000, 500, 200}));
  const Simulation planned = simulate(three_devices(), three_models(), arrivals, {.tiers = {{0}, {1}, {2}}});
  EXPECT_EQ(planned.asked, (std::vector<std::size_t>{1000, 500, 250}));
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

std::vector<double> random_arrivals(Random& random, std::size_t samples, double rate) {
  std::vector<double> arrivals;
  double now_s = 0.0;
  for (std::size_t i = 0; i < samples; ++i) {
    arrivals.push_back(now_s);
    if (random.below(3) > 0) now_s += random.uniform() * 3.0 / rate;
  }
  return arrivals;
}

void expect_equal(const Case& c, const std::vector<double>& arrivals, const SimulateOptions& options,
                  const std::vector<std::vector<std::vector<std::size_t>>>& asks) {
  const Simulation result = simulate(c.plan, c.instance.profile, arrivals, options);
  const oracle::Played played = oracle::play(c.plan, c.instance.profile, arrivals, asks);
  ASSERT_EQ(result.latency_s, played.latency_s);
  ASSERT_EQ(result.batches, played.batches);
  for (std::size_t device = 0; device < played.busy_s.size(); ++device) {
    EXPECT_NEAR(result.utilisation[device] * result.makespan_s, played.busy_s[device], 1e-9 * result.makespan_s);
    EXPECT_LE(result.utilisation[device], 1.0 + 1e-9);
  }
  EXPECT_EQ(result, simulate(c.plan, c.instance.profile, arrivals, options));
}

TEST(Simulate, EqualsTheOracle) {
  for (const Case& c : feasible_cases(300, {.models = 3, .devices = 2, .batches = 3}, 1.5)) {
    Random random(static_cast<std::uint64_t>(c.plan.throughput));
    const std::vector<double> arrivals = random_arrivals(random, 60, c.plan.throughput);
    std::vector<std::vector<std::vector<std::size_t>>> asks(60, {{}});
    for (std::size_t i = 0; i < 60; ++i)
      for (std::size_t m = 0; m < 3; ++m) {
        const double demand = c.plan.demand[m];
        if (std::floor(static_cast<double>(i + 1) * demand) > std::floor(static_cast<double>(i) * demand))
          asks[i][0].push_back(m);
      }
    expect_equal(c, arrivals, {}, asks);
  }
}

TEST(Simulate, CascadesEqualTheOracle) {
  int seen = 0;
  for (const Case& c : feasible_cases(300, {.models = 4, .devices = 3, .batches = 3, .slowdown = true}, 1.5)) {
    Random random(static_cast<std::uint64_t>(c.plan.throughput), 1);
    SimulateOptions options;
    for (std::size_t m = 0; m < 4; ++m) {
      if (c.plan.demand[m] == 0.0) continue;
      if (options.tiers.empty() || random.below(2) == 0) options.tiers.emplace_back();
      options.tiers.back().push_back(m);
    }
    const std::vector<double> arrivals = random_arrivals(random, 50, c.plan.throughput);
    std::vector<std::vector<std::vector<std::size_t>>> asks;
    for (std::size_t i = 0; i < 50; ++i) {
      options.tier.push_back(random.below(options.tiers.size()));
      asks.emplace_back(options.tiers.begin(), options.tiers.begin() + static_cast<std::ptrdiff_t>(options.tier[i] + 1));
    }
    expect_equal(c, arrivals, options, asks);
    seen += options.tiers.size() > 1;
  }
  EXPECT_GT(seen, 100);
}

// More samples than are let in at once, in requests of several segments.
TEST(Simulate, RequestsTakeTurnsAsInTheOracle) {
  for (const Case& c : feasible_cases(8, {.models = 2, .devices = 2, .batches = 2}, 2.0)) {
    if (c.plan.demand[1] == 0.0) continue;
    std::vector<double> arrivals(600, 0.0);
    for (std::size_t i = 0; i < 300; ++i) arrivals.push_back(1e-4);
    for (std::size_t i = 0; i < 100; ++i) arrivals.push_back(2e-4 + static_cast<double>(i) * 1e-6);
    SimulateOptions options{.tiers = {{0}, {1}}};
    std::vector<std::vector<std::vector<std::size_t>>> asks;
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      options.tier.push_back(i % 3 == 0 ? 1 : 0);
      asks.push_back(i % 3 == 0 ? std::vector<std::vector<std::size_t>>{{0}, {1}}
                                : std::vector<std::vector<std::size_t>>{{0}});
    }
    expect_equal(c, arrivals, options, asks);
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

TEST(Simulate, NamesBadTiers) {
  const auto fault = [](const SimulateOptions& options, const std::string& what) {
    EXPECT_THAT(
        [&] {
          simulate(three_devices(), three_models(), std::vector{0.0, 1.0}, options);
        },
        ThrowsMessage<std::invalid_argument>(what));
  };
  fault({.reach = {1.0}}, "tier or reach is given without tiers, but they speak of tiers");
  fault({.demand = {1, 1, 1}, .tiers = {{0}}},
        "demand is given with tiers, but reach or tier must be: it says who asks whom");
  fault({.tiers = {{0}}, .tier = {0, 0}, .reach = {1.0}}, "tier and reach are both given, but one of them says it all");
  fault({.tiers = {{0}, {}}}, "tiers[1] is empty, but must hold at least one model");
  fault({.tiers = {{0}, {3}}}, "tiers[1] holds model 3, but there are 3");
  fault({.tiers = {{0}, {1, 0}}}, "tiers hold model \"a\" twice, but must hold it once");
  fault({.tiers = {{0}, {1}}, .tier = {0}}, "tier has 1 entries, but must have 2, one for each arrival");
  fault({.tiers = {{0}, {1}}, .tier = {0, 2}}, "tier[1] is 2, but must be below 2, the number of tiers");
  fault({.tiers = {{0}, {1}}, .reach = {1.0}}, "reach has 1 entries, but must have 2, one for each tier");
  fault({.tiers = {{0}, {1}}, .reach = {0.5, 0.1}}, "reach[0] is 0.5, but must be 1: every sample asks the first tier");
  fault({.tiers = {{0}, {1}}, .reach = {1.0, 1.5}}, "reach[1] is 1.5, but must be from 0 to 1, the one before it");
  fault({.record_s = -1.0}, "record_s is -1, but must be at least 0");
  Plan without = three_devices();
  without.batch[8] = 0;
  without.share[8] = 0.0;
  EXPECT_THAT(
      [&] {
        simulate(without, three_models(), std::vector(8, 0.0), {.tiers = {{0}, {1}, {2}}});
      },
      ThrowsMessage<std::invalid_argument>("model \"c\" is asked by a share of the stream, but the plan does not place it"));
  without = three_devices();
  without.demand[2] = 0.0;
  EXPECT_THAT(
      [&] {
        simulate(without, three_models(), std::vector(8, 0.0), {.demand = {1.0, 1.0, 1.0}});
      },
      ThrowsMessage<std::invalid_argument>(
          "model \"c\" is asked by a share of the stream, but its demand in the plan is 0"));
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
  expect_fault(other, profile, one, {}, "model \"a\" is asked by a share of the stream, but the plan does not place it");
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
