#include "quorate/plan/plan.h"

#include <gmock/gmock.h>

#include <limits>

#include "oracle/plan.h"
#include "plan/even_profile.h"
#include "plan/instances.h"
#include "plan/problem.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Plan, OneModelFillsEveryDevice) {
  std::vector<Device> devices;
  for (int i = 0; i < 16; ++i) devices.push_back(gpu("gpu:" + std::to_string(i), 10));
  const Plan found = plan(even_profile({10}), devices);
  EXPECT_NEAR(found.throughput, 160.0, 1e-6);
  EXPECT_NEAR(found.gap(), 0.0, 1e-9);
  EXPECT_EQ(found.batch, std::vector<int>(16, 1));
}

class Tiny : public testing::TestWithParam<bool> {};  // do models slow each other down?

TEST_P(Tiny, IsNearTheOptimumAndBelowTheBound) {
  int feasible = 0;
  for (const double room : {0.9, 1.1, 1.5, 3.0})
    // The bound leaves slowdowns out, so a search there never ends before its last iteration: fewer will do.
    for (std::uint64_t seed = 0; seed < 40; seed += GetParam() ? 5 : 1) {
      const InstanceSize size{
          .models = 1 + seed % 3, .devices = 2, .batches = 3, .weights = seed % 4 < 2, .slowdown = GetParam()};
      const Instance instance = random_instance(seed, size, room);
      const Plan found = plan(instance.profile, instance.devices, patient(instance.demand));
      const oracle::BestPlan best = oracle::best_plan(instance.profile, instance.devices, instance.demand);
      ASSERT_EQ(found.feasible, best.feasible) << "seed " << seed << " room " << room << ": " << found.why;
      if (!best.feasible) continue;
      ++feasible;
      EXPECT_GE(found.throughput, 0.99 * best.throughput) << "seed " << seed << " room " << room;
      EXPECT_LE(found.throughput, best.throughput * (1.0 + 1e-6)) << "seed " << seed << " room " << room;
      EXPECT_GE(found.bound, best.throughput * (1.0 - 1e-12)) << "seed " << seed << " room " << room;
    }
  EXPECT_GT(feasible, GetParam() ? 16 : 80);
}
INSTANTIATE_TEST_SUITE_P(Slowdown, Tiny, testing::Bool());

// Does every model fit somewhere, each device's sum within its memory? By trying every assignment at the least memory.
bool can_be_placed(const Instance& instance) {
  const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
  std::size_t assignments = 1;
  for (std::size_t m = 0; m < problem.models; ++m) assignments *= problem.devices;
  for (std::size_t assignment = 0; assignment < assignments; ++assignment) {
    std::vector<std::int64_t> used(problem.devices, 0), workspace(problem.devices, 0);
    bool fits = true;
    std::size_t rest = assignment;
    for (std::size_t m = 0; m < problem.models; ++m, rest /= problem.devices) {
      const std::size_t device = rest % problem.devices;
      const int batch = problem.smallest(device, m);
      fits = fits && batch != kAbsent;
      if (!fits) continue;
      const std::size_t option = problem.option(device, m, static_cast<std::size_t>(batch));
      used[device] += problem.resident_bytes[option];
      workspace[device] = std::max(workspace[device], problem.workspace_bytes[option]);
    }
    for (std::size_t device = 0; device < problem.devices; ++device)
      fits = fits && used[device] + workspace[device] <= instance.devices[device].memory_bytes;
    if (fits) return true;
  }
  return false;
}

// Two models that halve each other's rate, two devices with room for both.
TEST(Plan, KeepsModelsApartThatSlowEachOtherDown) {
  Profile profile = even_profile({1, 1});
  const std::vector<Device> devices = {gpu("gpu:0", 10), gpu("gpu:1", 10)};
  EXPECT_NEAR(plan(profile, devices, patient({})).throughput, 10.0, 1e-6);
  profile.slowdown = {1.0, 2.0, 2.0, 1.0};
  const Plan apart = plan(profile, devices, patient({}));
  EXPECT_NEAR(apart.throughput, 10.0, 1e-6);
  EXPECT_NE(apart.batch[0] > 0, apart.batch[1] > 0);
  EXPECT_NE(apart.batch[0] > 0, apart.batch[2] > 0);
  // On one device there is no way around it: half of the time each, at half the rate.
  const Plan together = plan(profile, {devices[0]}, patient({}));
  EXPECT_NEAR(together.throughput, 2.5, 1e-6);
  EXPECT_NEAR(together.bound, 5.0, 1e-6) << "the bound knows rates alone";
}

TEST(Plan, KeepsToMemoryCoverageAndSharesAndIsInfeasibleOnlyWhereNothingFits) {
  int feasible = 0, infeasible = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    const InstanceSize size{.models = 1 + seed % 6,
                            .devices = 1 + seed / 6 % 4,
                            .batches = 1 + seed % 4,
                            .weights = seed % 3 == 0,
                            .slowdown = seed % 5 == 0};
    const Instance instance = random_instance(seed, size, std::vector{0.8, 1.1, 1.5, 4.0}[seed / 24 % 4]);
    const Plan found = plan(instance.profile, instance.devices, patient(instance.demand, seed % 10 == 0 ? 1 : 0));
    ASSERT_EQ(found.feasible, can_be_placed(instance)) << "seed " << seed << ": " << found.why;
    EXPECT_NO_THROW(check(found)) << "seed " << seed;
    if (found.feasible) {
      ++feasible;
      EXPECT_EQ(oracle::fault(found, instance.profile), "") << "seed " << seed;
    } else {
      ++infeasible;
      EXPECT_THAT(found.why, AllOf(HasSubstr("model \"m"), HasSubstr("short"), testing::Not(HasSubstr("may exist"))));
      EXPECT_EQ(found.throughput, 0.0);
      EXPECT_EQ(found.found_by, "");
    }
  }
  EXPECT_GT(feasible, 450);
  EXPECT_GT(infeasible, 150);
}

TEST(Plan, DependsOnTheSeedAloneAndMoreStepsAreNeverWorse) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 3}, 1.5);
    PlanOptions options = patient(instance.demand, 60);
    options.seed = seed;
    const Plan found = plan(instance.profile, instance.devices, options);
    EXPECT_EQ(found, plan(instance.profile, instance.devices, options));
    double before = 0.0;
    for (const int steps : {0, 1, 2, 5, 20, 60}) {
      options.max_iterations = steps;
      const double throughput = plan(instance.profile, instance.devices, options).throughput;
      EXPECT_GE(throughput, before);
      before = throughput;
    }
  }
}

TEST(Plan, WithoutStepsOrTimeItIsWorstFitWithAcceleratorsFirst) {
  Profile profile = even_profile({6, 5, 1});
  profile.kinds = {"gpu", "cpu-1core"};
  profile.latency_s.resize(6, 1.0);
  profile.memory_bytes.insert(profile.memory_bytes.end(), {6, 5, 1});
  // The CPU has far more memory; it gets only what the accelerator has no room for.
  const std::vector<Device> devices = {{"cpu:0", "cpu-1core", 1000}, gpu("gpu:0", 7)};
  PlanOptions options = patient({}, 0);
  const Plan found = plan(profile, devices, options);
  EXPECT_EQ(found.found_by, "worst-fit");
  EXPECT_EQ(found.batch, (std::vector<int>{0, 1, 0, 1, 0, 1}));
  options.max_iterations = 1000;
  options.time_limit_s = 0.0;
  EXPECT_EQ(plan(profile, devices, options), found);
}

TEST(Plan, TheAlgorithmsOfThePaperAreInOrder) {
  double sum[4] = {};
  for (std::uint64_t seed = 0; seed < 15; ++seed) {
    const Instance instance = random_instance(seed, {.models = 6, .devices = 3, .batches = 4}, 2.0);
    const auto by = [&](Algorithm algorithm) {
      PlanOptions options = patient(instance.demand, 20);
      options.algorithm = algorithm;
      return plan(instance.profile, instance.devices, options);
    };
    const std::vector<Plan> plans = {by(Algorithm::kWorstFit), by(Algorithm::kBatch), by(Algorithm::kGreedy),
                                     by(Algorithm::kSearch)};
    if (!plans[0].feasible) continue;
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(oracle::fault(plans[i], instance.profile), "") << "seed " << seed;
      EXPECT_GE(plans[i].throughput, plans[0].throughput * (1.0 - 1e-9)) << "seed " << seed;
      sum[i] += plans[i].throughput / plans[3].bound;
    }
    EXPECT_TRUE(plans[0].found_by == "worst-fit" || plans[0].found_by == "packing");
    EXPECT_EQ(plans[1].found_by, "batch");
  }
  EXPECT_GT(sum[1], 1.1 * sum[0]);
  EXPECT_GT(sum[2], 1.1 * sum[1]);
  EXPECT_GT(sum[3], 1.02 * sum[2]);
}

TEST(Plan, IsNeverBelowThePlanWithoutCpus) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 4, .batches = 3}, 2.5);
    std::vector<Device> without;
    for (const Device& device : instance.devices)
      if (device.kind == "gpu") without.push_back(device);
    if (without.size() == instance.devices.size()) continue;
    const PlanOptions options = patient(instance.demand, 3);
    const Plan least = plan(instance.profile, without, options);
    if (!least.feasible) continue;
    ++count;
    EXPECT_GE(plan(instance.profile, instance.devices, options).throughput, least.throughput * (1.0 - 1e-9)) << seed;
  }
  EXPECT_GT(count, 15);
}

TEST(Plan, KeepsPinsAndLatencyLimits) {
  Profile profile = even_profile({4, 4});
  profile.batch_sizes = {1, 8};
  profile.latency_s = {0.1, 0.2, 0.1, 0.2};
  profile.memory_bytes = {4, 4, 4, 4};
  const std::vector<Device> devices = {gpu("gpu:0", 8), gpu("gpu:1", 8)};
  PlanOptions options = patient({});
  options.pinned = {{"m0", "gpu:1"}};
  options.forbidden = {{"m1", "gpu:1"}};
  const Plan pinned = plan(profile, devices, options);
  EXPECT_GT(pinned.batch[2], 0);
  EXPECT_EQ(pinned.batch[3], 0);
  EXPECT_GT(pinned.batch[1], 0);
  EXPECT_NEAR(plan(profile, devices, patient({})).throughput, 40.0, 1e-6);
  options.max_latency_s = 0.15;  // batch 8 takes longer
  const Plan quick = plan(profile, devices, options);
  EXPECT_NEAR(quick.throughput, 10.0, 1e-6);
  EXPECT_EQ(*std::max_element(quick.batch.begin(), quick.batch.end()), 1);
}

TEST(Plan, KeepsWhatIsPinnedThroughTheSearch) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 3}, 1.8);
    PlanOptions options = patient({}, 5);
    options.pinned = {{"m1", instance.devices[0].name}, {"m1", instance.devices[2].name}};
    options.forbidden = {{"m2", instance.devices[1].name}};
    const Plan found = plan(instance.profile, instance.devices, options);
    if (!found.feasible) continue;
    EXPECT_GT(found.batch[found.index(0, 1)], 0) << "seed " << seed;
    EXPECT_GT(found.batch[found.index(2, 1)], 0) << "seed " << seed;
    EXPECT_EQ(found.batch[found.index(1, 2)], 0) << "seed " << seed;
    const std::vector<std::int64_t> held = device_bytes(found, instance.profile);
    for (std::size_t device = 0; device < 3; ++device) EXPECT_LE(held[device], instance.devices[device].memory_bytes);
    EXPECT_LE(found.throughput, found.bound);
  }
}

TEST(Plan, ModelsWithoutDemandAreNotPlacedAndPricedWhereTheyWouldRun) {
  const Plan found = plan(even_profile({5, 5, 50}), {gpu("gpu:0", 10)}, patient({1.0, 0.0, 0.0}));
  EXPECT_EQ(found.batch, (std::vector<int>{1, 0, 0}));
  EXPECT_NEAR(found.throughput, 10.0, 1e-9);
  EXPECT_NEAR(found.price[0], 1.0, 1e-9);
  EXPECT_NEAR(found.price[1], 1.0, 1e-9);  // as slow as the first, on the same device
  EXPECT_EQ(found.price[2], std::numeric_limits<double>::infinity());
  EXPECT_EQ(plan_from_json(to_json(found)), found);
}

void expect_fault(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options,
                  const std::string& what) {
  EXPECT_THAT([&] { plan(profile, devices, options); }, ThrowsMessage<std::invalid_argument>(what));
}

TEST(Plan, NamesBadArguments) {
  const Profile profile = even_profile({1, 1});
  const std::vector<Device> devices = {gpu("gpu:0", 5)};
  expect_fault(profile, {}, {}, "devices is empty, but must hold at least one device");
  expect_fault(profile, {gpu("x", 1), gpu("x", 1)}, {}, "devices holds \"x\" twice, but must hold it once");
  expect_fault(profile, {gpu("x", -1)}, {}, "memory_bytes of device \"x\" is -1, but must be at least 0");
  expect_fault(profile, {{"x", "tpu", 1}}, {}, "kind of device \"x\" is \"tpu\", but must be one of the profile's: gpu");
  expect_fault(profile, devices, {.demand = {1.0}},
               "demand has 1 entries, but must have 2, one for each model of the profile");
  expect_fault(profile, devices, {.demand = {1.0, 1.5}}, "demand of model \"m1\" is 1.5, but must be from 0 to 1");
  expect_fault(profile, devices, {.demand = {1.0, 1e-10}},
               "demand of model \"m1\" is 1e-10, but must be 0 or at least 1e-09");
  expect_fault(profile, devices, {.demand = {-0.1, 1.0}}, "demand of model \"m0\" is -0.1, but must be from 0 to 1");
  expect_fault(profile, devices, {.demand = {std::nan(""), 1.0}}, "demand of model \"m0\" is nan, but must be from 0 to 1");
  expect_fault(profile, devices, {.demand = {0.0, 0.0}},
               "demand is 0 for every model, but must be above 0 for at least one");
  expect_fault(profile, devices, {.time_limit_s = -1.0}, "time_limit_s is -1, but must be at least 0");
  expect_fault(profile, devices, {.time_limit_s = std::nan("")}, "time_limit_s is nan, but must be at least 0");
  expect_fault(profile, devices, {.max_iterations = -1}, "max_iterations is -1, but must be at least 0");
  expect_fault(profile, devices, {.rate = 5.0}, "rate is 5, but must be 0 where the objective is throughput");
  expect_fault(profile, devices, {.objective = Objective::kDevices},
               "rate is 0, but must be above 0 and finite for this objective");
  expect_fault(profile, devices, {.objective = Objective::kMoney, .rate = 1.0},
               "usd_per_hour is 0 for every device, but must be above 0 for at least one where the objective is money");
  expect_fault(profile, {{"x", "gpu", 5, -1.0}}, {}, "usd_per_hour of device \"x\" is -1, but must be at least 0");
  expect_fault(profile, devices, {.max_latency_s = 0.0}, "max_latency_s is 0, but must be above 0");
  expect_fault(profile, devices, {.pinned = {{"m9", "gpu:0"}}},
               "pinned names model \"m9\", but must name one of the profile's: m0, m1");
  expect_fault(profile, devices, {.forbidden = {{"m0", "gpu:9"}}},
               "forbidden names device \"gpu:9\", but must name one of the given devices");
  expect_fault(profile, devices, {.demand = {1.0, 0.0}, .pinned = {{"m1", "gpu:0"}}},
               "pinned names model \"m1\", whose demand is 0, but must name models of positive demand");
  expect_fault(profile, devices, {.pinned = {{"m0", "gpu:0"}}, .forbidden = {{"m0", "gpu:0"}}},
               "model \"m0\" on device \"gpu:0\" is pinned and forbidden, but must be at most one of them");
  Profile broken = profile;
  broken.latency_s[0] = -1.0;
  EXPECT_THAT([&] { plan(broken, devices); }, ThrowsMessage<std::invalid_argument>(HasSubstr("latency_s of model \"m0\"")));
}

}  // namespace
}  // namespace quorate
