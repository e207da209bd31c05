#include "quorate/plan/replan.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "oracle/plan.h"
#include "plan/instances.h"

namespace quorate {
namespace {

using testing::ThrowsMessage;

ReplanOptions patient(double least_gain = 0.02) { return {{.time_limit_s = 1e9, .max_iterations = 100}, least_gain}; }

// Plays the changes from the running plan on, and expects them to end at the new one, within memory all the way.
void expect_sound(const Plan& running, const Replan& result, const Profile& profile, const std::string& where) {
  Plan now = result.plan;
  std::set<std::string> unserved;
  std::vector<bool> in_excess;
  for (std::size_t device = 0; device < now.devices.size(); ++device)
    for (std::size_t model = 0; model < now.models.size(); ++model) {
      int& batch = now.batch[now.index(device, model)];
      now.share[now.index(device, model)] = 0.0;
      batch = 0;
      for (std::size_t old = 0; old < running.devices.size(); ++old)
        if (running.devices[old].name == now.devices[device].name) batch = running.batch[running.index(old, model)];
    }
  for (const std::int64_t bytes : device_bytes(now, profile)) {
    const std::size_t device = in_excess.size();
    in_excess.push_back(bytes > now.devices[device].memory_bytes);
  }
  const auto hosts = [&](std::size_t model) {
    int count = 0;
    for (std::size_t device = 0; device < now.devices.size(); ++device) count += now.batch[now.index(device, model)] > 0;
    return count;
  };
  for (const PlanChange& change : result.changes) {
    const auto device = static_cast<std::size_t>(
        std::find_if(now.devices.begin(), now.devices.end(), [&](const Device& d) { return d.name == change.device; }) -
        now.devices.begin());
    const auto model =
        static_cast<std::size_t>(std::find(now.models.begin(), now.models.end(), change.model) - now.models.begin());
    int& batch = now.batch[now.index(device, model)];
    EXPECT_EQ(batch, change.from_batch) << where;
    EXPECT_NE(change.from_batch, change.to_batch) << where;
    batch = change.to_batch;
    const std::int64_t bytes = device_bytes(now, profile)[device];
    EXPECT_EQ(bytes, change.device_bytes_after) << where;
    EXPECT_TRUE(in_excess[device] || bytes <= now.devices[device].memory_bytes) << where;
    in_excess[device] = in_excess[device] && bytes > now.devices[device].memory_bytes;
    EXPECT_TRUE(!in_excess[device] || change.kind == PlanChange::Kind::kUnload || change.to_batch < change.from_batch)
        << where;
    if (hosts(model) == 0 && now.demand[model] > 0.0) unserved.insert(change.model);
  }
  EXPECT_EQ(now.batch, result.plan.batch) << where;
  EXPECT_EQ(std::set<std::string>(result.unserved.begin(), result.unserved.end()), unserved) << where;
}

int loads(const Replan& result) {
  return static_cast<int>(std::count_if(result.changes.begin(), result.changes.end(),
                                        [](const PlanChange& c) { return c.kind == PlanChange::Kind::kLoad; }));
}

TEST(Replan, KeepsToMemoryOnTheWayWhateverChanged) {
  int replanned = 0, with_loads = 0;
  for (std::uint64_t seed = 0; seed < 70; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 5, .devices = 4, .batches = 3, .weights = seed % 2 == 0}, 2.0);
    const Plan running = plan(instance.profile, instance.devices, {.demand = instance.demand, .max_iterations = 5});
    if (!running.feasible) continue;
    Random random(seed, 6);
    std::vector<Device> devices = instance.devices;
    ReplanOptions options = patient(random.below(2) == 0 ? 0.02 : 0.0);
    options.plan.demand = running.demand;
    if (random.below(2) == 0) devices.erase(devices.begin() + static_cast<std::ptrdiff_t>(random.below(devices.size())));
    if (random.below(3) == 0) devices.push_back({"gpu:new", "gpu", devices[0].memory_bytes});
    if (random.below(3) == 0) devices[0].memory_bytes = devices[0].memory_bytes * 3 / 4;
    for (double& demand : options.plan.demand)
      if (random.below(3) == 0) demand = random.below(3) == 0 ? 0.0 : 0.05 + 0.95 * random.uniform();
    options.plan.demand[0] = 1.0;
    const Replan result = replan(running, instance.profile, devices, options);
    if (!result.plan.feasible) {
      EXPECT_FALSE(plan(instance.profile, devices, options.plan).feasible) << "seed " << seed;
      EXPECT_TRUE(result.changes.empty());
      continue;
    }
    ++replanned;
    with_loads += loads(result) > 0;
    EXPECT_EQ(oracle::fault(result.plan, instance.profile), "") << "seed " << seed;
    expect_sound(running, result, instance.profile, "seed " + std::to_string(seed));
  }
  EXPECT_GT(replanned, 26);
  EXPECT_GT(with_loads, 14);
}

TEST(Replan, WithoutAChangeNothingMoves) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 4, .batches = 3}, 3.0);
    const Plan running = plan(instance.profile, instance.devices, {.demand = instance.demand, .max_iterations = 50});
    ReplanOptions options = patient(std::numeric_limits<double>::infinity());
    options.plan.demand = running.demand;
    const Replan result = replan(running, instance.profile, instance.devices, options);
    EXPECT_TRUE(result.changes.empty()) << "seed " << seed;
    EXPECT_NEAR(result.plan.throughput, running.throughput, 1e-9 * running.throughput);
  }
}

// One of three equal devices goes: what it alone hosted is loaded elsewhere, and nothing else must be.
TEST(Replan, LoadsWhatTheLostDeviceHostedAlone) {
  Profile profile;
  profile.models = {"a", "b", "c"};
  profile.batch_sizes = {1};
  profile.kinds = {"gpu"};
  profile.latency_s = {0.1, 0.1, 0.1};
  profile.memory_bytes = {5, 5, 5};
  std::vector<Device> devices = {{"gpu:0", "gpu", 10}, {"gpu:1", "gpu", 10}, {"gpu:2", "gpu", 5}};
  PlanOptions pins{.time_limit_s = 1e9};
  pins.pinned = {{"a", "gpu:0"}, {"b", "gpu:1"}, {"c", "gpu:2"}};
  pins.forbidden = {{"b", "gpu:0"}, {"c", "gpu:0"}, {"a", "gpu:1"}, {"c", "gpu:1"}, {"a", "gpu:2"}, {"b", "gpu:2"}};
  const Plan running = plan(profile, devices, pins);
  devices.pop_back();
  const Replan result = replan(running, profile, devices, patient(std::numeric_limits<double>::infinity()));
  ASSERT_EQ(result.changes.size(), 1u);
  EXPECT_EQ(result.changes[0].kind, PlanChange::Kind::kLoad);
  EXPECT_EQ(result.changes[0].model, "c");
  EXPECT_EQ(result.changes[0].device_bytes_after, 10);
  EXPECT_TRUE(result.unserved.empty());
}

TEST(Replan, MovesMoreWhereThatIsWorthLess) {
  int more = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Instance instance = random_instance(seed, {.models = 6, .devices = 4, .batches = 3}, 2.5);
    const Plan running = plan(instance.profile, instance.devices, {.demand = instance.demand, .max_iterations = 20});
    if (!running.feasible) continue;
    std::vector<Device> devices = instance.devices;
    devices.erase(devices.begin());
    const auto with = [&](double least_gain) {
      ReplanOptions options = patient(least_gain);
      options.plan.demand = running.demand;
      return replan(running, instance.profile, devices, options);
    };
    const Replan needed = with(std::numeric_limits<double>::infinity()), some = with(0.02), all = with(0.0);
    if (!needed.plan.feasible) continue;
    EXPECT_LE(needed.plan.throughput, some.plan.throughput * (1.0 + 1e-6)) << "seed " << seed;
    EXPECT_LE(some.plan.throughput, all.plan.throughput * (1.0 + 1e-6)) << "seed " << seed;
    more += all.changes.size() > needed.changes.size();
  }
  EXPECT_GT(more, 5);
}

TEST(Replan, NamesBadArguments) {
  const Instance instance = random_instance(3, {.models = 3, .devices = 2, .batches = 2}, 3.0);
  const Plan running = plan(instance.profile, instance.devices, {.demand = instance.demand});
  const auto expect_fault = [&](const Plan& plan, const ReplanOptions& options, const std::string& what) {
    EXPECT_THAT([&] { replan(plan, instance.profile, instance.devices, options); },
                ThrowsMessage<std::invalid_argument>(testing::HasSubstr(what)));
  };
  expect_fault(running, patient(-1.0), "least_gain is -1, but must be at least 0");
  expect_fault(running, patient(std::nan("")), "least_gain is nan");
  Plan other = running;
  other.models[0] = "x";
  expect_fault(other, patient(), "plan is for models x, m1, m2, but must be for the profile's: m0, m1, m2");
  other = running;
  *std::find_if(other.batch.begin(), other.batch.end(), [](int batch) { return batch > 0; }) = 3;
  expect_fault(other, patient(), "is 3, but must be 0 or one of the profile's: 1, 8");
  other = running;
  other.devices[0].kind = "tpu";
  expect_fault(other, patient(), "is \"tpu\", but must be one of the profile's");
  ReplanOptions options = patient();
  options.plan.algorithm = Algorithm::kGreedy;
  expect_fault(running, options, "objective and algorithm must be throughput and search");
}

TEST(DeviceBytes, AddsUpByTheWorkspaceRule) {
  Profile profile;
  profile.models = {"a", "b"};
  profile.batch_sizes = {1};
  profile.kinds = {"gpu"};
  profile.latency_s = {0.1, 0.1};
  profile.memory_bytes = {6, 7};
  profile.weights_bytes = {4, 2};
  const Plan both = plan(profile, {{"gpu:0", "gpu", 20}});
  EXPECT_EQ(device_bytes(both, profile), std::vector<std::int64_t>{11});
  EXPECT_EQ(device_bytes(both, profile, Workspace::kSum), std::vector<std::int64_t>{13});
  profile.models[0] = "x";
  EXPECT_THAT([&] { device_bytes(both, profile); }, testing::Throws<std::invalid_argument>());
}

}  // namespace
}  // namespace quorate
