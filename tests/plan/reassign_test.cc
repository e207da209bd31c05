#include "plan/reassign.h"

#include <gtest/gtest.h>

#include "oracle/plan.h"
#include "plan/instances.h"
#include "plan/pack.h"

namespace quorate {
namespace {

struct Placed {
  Instance instance;
  Problem problem;
  Priced start;
};

std::vector<Placed> placed(std::uint64_t count, InstanceSize size, double room) {
  std::vector<Placed> result;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    size.weights = seed % 2 == 0;
    Instance instance = random_instance(seed, size, room);
    Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    Priced start = priced(problem, *first);
    result.push_back({std::move(instance), std::move(problem), std::move(start)});
  }
  return result;
}

std::optional<Placement> reassigned(const Placed& of, double target, std::int64_t moves, std::uint64_t seed = 0) {
  Random random(seed);
  return reassign(of.problem, of.start, {target, 0.1, moves}, Clock(1e9), random);
}

TEST(Reassign, KeepsToMemoryHostsAllAndIsNeverAboveTheOptimum) {
  int there = 0, count = 0;
  for (const bool slowdown : {false, true})
    for (const Placed& of : placed(100, {.models = 3, .devices = 2, .batches = 3, .slowdown = slowdown}, 1.2)) {
      const double best = oracle::best_plan(of.instance.profile, of.instance.devices, of.instance.demand).throughput;
      const std::optional<Placement> found = reassigned(of, best, 5000);
      ++count;
      if (!found) continue;
      for (std::size_t m = 0; m < of.problem.models; ++m) EXPECT_GE(found->copies(of.problem, m), 1u);
      for (std::size_t device = 0; device < of.problem.devices; ++device) EXPECT_GE(found->free_bytes(device), 0);
      const double throughput = score(of.problem, *found).shares.throughput;
      EXPECT_LE(throughput, best * (1.0 + 1e-6));
      there += throughput > 0.95 * best;  // a stream in eight parts is not shared out exactly
    }
  EXPECT_GT(count, 120);
  EXPECT_GT(there, count * 3 / 4);
}

// Six devices that each hold one large model and one small one: large one i fits beside small one j where i <= j alone, so
// that all fit with their like or not at all. Each pair is fast on the next pair's device: all have to move, and no memory
// is free on the way.
TEST(Reassign, LeadsThroughAssignmentsThatFitNoMemory) {
  constexpr std::size_t kPairs = 6;
  Profile profile{{}, {1}, {}, {}, {}};
  std::vector<Device> devices;
  for (std::size_t i = 0; i < kPairs; ++i) {
    const std::string number = std::to_string(i);
    profile.models.insert(profile.models.end(), {"large" + number, "small" + number});
    profile.kinds.push_back("kind" + number);
    devices.push_back({"gpu:" + number, "kind" + number, 100});
    for (std::size_t pair = 0; pair < kPairs; ++pair) {
      const double latency = (pair + 1) % kPairs == i ? 1e-3 : 1e-2;
      profile.latency_s.insert(profile.latency_s.end(), {latency, latency});
      const auto large = static_cast<std::int64_t>(70 + pair);
      profile.memory_bytes.insert(profile.memory_bytes.end(), {large, 100 - large});
    }
  }
  const Problem problem = make_problem(profile, devices, {});
  Placement start(problem);
  for (std::size_t i = 0; i < 2 * kPairs; ++i) start.place(problem, i / 2, i, 0);
  const Priced from = priced(problem, start);
  EXPECT_NEAR(from.basis.throughput(), 50.0, 1e-6);
  Random random(0);
  const std::optional<Placement> found = reassign(problem, from, {500.0, 0.1, 50000}, Clock(1e9), random);
  ASSERT_TRUE(found);
  EXPECT_NEAR(score(problem, *found).shares.throughput, 500.0, 1e-6);
}

TEST(Reassign, IsTheSameForASeed) {
  for (const Placed& of : placed(10, {.models = 6, .devices = 3, .batches = 2}, 1.3))
    for (const std::uint64_t seed : {1u, 2u}) {
      const std::optional<Placement> found = reassigned(of, 1e3, 2000, seed), again = reassigned(of, 1e3, 2000, seed);
      ASSERT_EQ(found.has_value(), again.has_value());
      if (!found) continue;
      for (std::size_t cell = 0; cell < of.problem.devices * of.problem.models; ++cell)
        EXPECT_EQ(found->batch(cell), again->batch(cell));
    }
}

TEST(Reassign, KeepsWhatIsPinned) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 2}, 1.6);
    const PlanOptions options{.demand = instance.demand,
                              .pinned = {{instance.profile.models[0], instance.devices[0].name},
                                         {instance.profile.models[0], instance.devices[1].name}}};
    if (instance.devices[0].kind != "gpu" || instance.devices[1].kind != "gpu") continue;
    const Problem problem = make_problem(instance.profile, instance.devices, options);
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    Random random(seed);
    const std::optional<Placement> found = reassign(problem, priced(problem, *first), {1e6, 0.1, 3000}, Clock(1e9), random);
    if (!found) continue;
    ++count;
    for (const std::size_t device : {0u, 1u}) EXPECT_NE(found->batch(problem.cell(device, 0)), kAbsent);
  }
  EXPECT_GT(count, 10);
}

}  // namespace
}  // namespace quorate
