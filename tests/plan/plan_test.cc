#include "quorate/plan/plan.h"

#include <gmock/gmock.h>

#include <limits>

#include "oracle/plan.h"
#include "plan/instances.h"
#include "plan/pack.h"
#include "plan/problem.h"

namespace quorate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

// Time never decides in these tests.
PlanOptions patient(std::vector<double> demand, int max_iterations = 1000) {
  return {.demand = std::move(demand), .time_limit_s = 1e9, .max_iterations = max_iterations};
}

// Models of the same rate on one kind, batch 1 only.
Profile even_profile(const std::vector<std::int64_t>& memory_bytes, const std::string& kind = "gpu") {
  Profile profile;
  profile.batch_sizes = {1};
  profile.kinds = {kind};
  for (std::size_t m = 0; m < memory_bytes.size(); ++m) profile.models.push_back("m" + std::to_string(m));
  profile.latency_s.assign(memory_bytes.size(), 0.1);
  profile.memory_bytes = memory_bytes;
  return profile;
}

Device gpu(const std::string& name, std::int64_t memory_bytes) { return {name, "gpu", memory_bytes}; }

TEST(Plan, OneModelFillsEveryDevice) {
  std::vector<Device> devices;
  for (int i = 0; i < 16; ++i) devices.push_back(gpu("gpu:" + std::to_string(i), 10));
  const Plan found = plan(even_profile({10}), devices);
  EXPECT_NEAR(found.throughput, 160.0, 1e-6);
  EXPECT_NEAR(found.gap(), 0.0, 1e-9);
  EXPECT_EQ(found.batch, std::vector<int>(16, 1));
}

TEST(Plan, IsNearTheOptimumAndBelowTheBoundOnTinyInstances) {
  int feasible = 0;
  for (const double room : {0.9, 1.1, 1.5, 3.0})
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      const Instance instance = random_instance(seed, {.models = 1 + seed % 3, .devices = 2, .batches = 3}, room);
      const Plan found = plan(instance.profile, instance.devices, patient(instance.demand));
      const oracle::BestPlan best = oracle::best_plan(instance.profile, instance.devices, instance.demand);
      ASSERT_EQ(found.feasible, best.feasible) << "seed " << seed << " room " << room << ": " << found.why;
      if (!best.feasible) continue;
      ++feasible;
      EXPECT_GE(found.throughput, 0.95 * best.throughput) << "seed " << seed << " room " << room;
      EXPECT_LE(found.throughput, best.throughput * (1.0 + 1e-6)) << "seed " << seed << " room " << room;
      EXPECT_GE(found.bound, best.throughput * (1.0 - 1e-12)) << "seed " << seed << " room " << room;
    }
  EXPECT_GT(feasible, 120);
}

// Does every model fit somewhere, each device's sum within its memory? By trying every assignment at the least memory.
bool can_be_placed(const Instance& instance) {
  const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
  std::size_t assignments = 1;
  for (std::size_t m = 0; m < problem.models; ++m) assignments *= problem.devices;
  for (std::size_t assignment = 0; assignment < assignments; ++assignment) {
    std::vector<std::int64_t> used(problem.devices, 0);
    bool fits = true;
    std::size_t rest = assignment;
    for (std::size_t m = 0; m < problem.models; ++m, rest /= problem.devices) {
      const std::size_t device = rest % problem.devices;
      const int batch = problem.smallest(device, m);
      fits = fits && batch != kAbsent;
      if (fits) used[device] += problem.memory_bytes[problem.option(device, m, static_cast<std::size_t>(batch))];
    }
    for (std::size_t device = 0; device < problem.devices; ++device)
      fits = fits && used[device] <= instance.devices[device].memory_bytes;
    if (fits) return true;
  }
  return false;
}

TEST(Plan, KeepsToMemoryCoverageAndSharesAndIsInfeasibleOnlyWhereNothingFits) {
  int feasible = 0, infeasible = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    const InstanceSize size{.models = 1 + seed % 6, .devices = 1 + seed / 6 % 4, .batches = 1 + seed % 4};
    const Instance instance = random_instance(seed, size, std::vector{0.8, 1.1, 1.5, 4.0}[seed / 24 % 4]);
    const Plan found = plan(instance.profile, instance.devices, patient(instance.demand, 8));
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
  EXPECT_GT(feasible, 1000);
  EXPECT_GT(infeasible, 300);
}

TEST(Plan, DependsOnTheSeedAloneAndMoreStepsAreNeverWorse) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
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

TEST(Plan, ModelsWithoutDemandAreNotPlacedAndPricedWhereTheyWouldRun) {
  const Plan found = plan(even_profile({5, 5, 50}), {gpu("gpu:0", 10)}, patient({1.0, 0.0, 0.0}));
  EXPECT_EQ(found.batch, (std::vector<int>{1, 0, 0}));
  EXPECT_NEAR(found.throughput, 10.0, 1e-9);
  EXPECT_NEAR(found.price[0], 1.0, 1e-9);
  EXPECT_NEAR(found.price[1], 1.0, 1e-9);  // as slow as the first, on the same device
  EXPECT_EQ(found.price[2], std::numeric_limits<double>::infinity());
  EXPECT_EQ(plan_from_json(to_json(found)), found);
}

std::string why(const Profile& profile, const std::vector<Device>& devices) {
  const Plan found = plan(profile, devices);
  EXPECT_FALSE(found.feasible);
  return found.why;
}

TEST(Plan, SaysWhatIsShort) {
  EXPECT_EQ(why(even_profile({3, 12}), {gpu("gpu:0", 4), gpu("gpu:1", 10)}),
            "model \"m1\" needs at least 12 bytes, but device \"gpu:1\" has 10: 2 bytes short");
  EXPECT_EQ(why(even_profile({1}), {gpu("gpu:0", 0)}),
            "model \"m0\" needs at least 1 bytes, but device \"gpu:0\" has 0: 1 bytes short");
  EXPECT_EQ(why(even_profile({4, 5, 6}), {gpu("gpu:0", 6), gpu("gpu:1", 8)}),
            "the models need at least 15 bytes together, but the devices have 14; worst-fit leaves over model \"m0\", which "
            "needs 4 bytes: device \"gpu:1\" has the most free memory, 2 bytes, 2 short");
  EXPECT_EQ(
      why(even_profile({6, 6, 6}), {gpu("gpu:0", 10), gpu("gpu:1", 10)}),
      "no placement has room for every model, all were tried; worst-fit leaves over model \"m2\", which needs 6 bytes: "
      "device \"gpu:0\" has the most free memory, 4 bytes, 2 short");
  Profile holes = even_profile({1, 1});
  holes.kinds = {"gpu", "tpu"};
  holes.latency_s = {0.1, std::numeric_limits<double>::infinity(), 0.1, 0.1};
  holes.memory_bytes = {1, 1, 1, 1};
  EXPECT_EQ(why(holes, {gpu("gpu:0", 5)}), "model \"m1\" runs on none of the devices' kinds");
}

TEST(Plan, SurvivesMemoryBeyondSixtyFourBits) {
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(plan(even_profile({kHuge, kHuge}), {gpu("gpu:0", kHuge), gpu("gpu:1", kHuge)}).feasible);
  EXPECT_FALSE(plan(even_profile({kHuge, kHuge}), {gpu("gpu:0", kHuge)}).feasible);
}

TEST(Pack, SearchesDeeperWhereWorstFitGetsStuck) {
  // Worst-fit puts the two largest apart; only 3 + 3 and 2 + 2 + 2 fit.
  const Profile profile = even_profile({3, 3, 2, 2, 2});
  const std::vector<Device> devices = {gpu("gpu:0", 6), gpu("gpu:1", 6)};
  const Plan found = plan(profile, devices, patient({}, 0));
  EXPECT_TRUE(found.feasible);
  EXPECT_EQ(found.found_by, "packing");
  EXPECT_EQ(oracle::fault(found, profile), "");

  const Packing given_up = pack(make_problem(profile, devices, {}), profile, devices, 2);
  EXPECT_FALSE(given_up.placement.has_value());
  EXPECT_THAT(given_up.why,
              AllOf(StartsWith("no placement was found in 2 tries, though one may exist; worst-fit leaves over model \""),
                    HasSubstr("short")));
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
  Profile broken = profile;
  broken.latency_s[0] = -1.0;
  EXPECT_THAT([&] { plan(broken, devices); }, ThrowsMessage<std::invalid_argument>(HasSubstr("latency_s of model \"m0\"")));
}

}  // namespace
}  // namespace quorate
