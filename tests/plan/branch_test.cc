#include "plan/branch.h"

#include <gtest/gtest.h>

#include "oracle/plan.h"
#include "plan/instances.h"
#include "plan/pack.h"
#include "plan/regroup.h"
#include "plan/search.h"

namespace quorate {
namespace {

void expect_sound(const Problem& problem, const Placement& placement) {
  for (std::size_t m = 0; m < problem.models; ++m) EXPECT_GE(placement.copies(problem, m), 1u);
  for (std::size_t device = 0; device < problem.devices; ++device) EXPECT_GE(placement.free_bytes(device), 0);
  for (std::size_t cell = 0; cell < problem.pinned.size(); ++cell)
    EXPECT_TRUE(!problem.pinned[cell] || placement.batch(cell) != kAbsent);
}

// From the first placement alone, no annealing: the optimum, and its proof.
TEST(Branch, EqualsTryingEverything) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 1 + seed % 3, .devices = 2, .batches = 3, .weights = seed % 2 == 0},
                        std::vector{0.9, 1.1, 1.5, 3.0}[seed / 6 % 4]);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    ++count;
    const Scored start = score(problem, *first);
    const Relaxation root =
        relax(problem, upper_bound(problem), beaten_by(start.shares.throughput), {&start}, 100, Clock(1e9));
    Random random(seed);
    const Branched found = branch(problem, priced(problem, *first), root.bound, root, 1e300, 2000, Clock(1e9), random);
    const double best = oracle::best_plan(instance.profile, instance.devices, instance.demand).throughput;
    EXPECT_NEAR(found.best.basis.throughput(), best, 2e-4 * best) << "seed " << seed;
    EXPECT_GE(found.bound, best * (1.0 - 1e-9)) << "seed " << seed;
    EXPECT_LE(found.bound, best * (1.0 + 2e-4)) << "seed " << seed;
    expect_sound(problem, found.best.placement);
  }
  EXPECT_GT(count, 60);
}

TEST(Branch, StopsAfterSomeNodesWithABoundThatHoldsAndKeepsPins) {
  for (std::uint64_t seed = 0; seed < 15; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 2}, 1.5);
    PlanOptions options{.demand = instance.demand};
    if (instance.demand[1] > 0.0) options.pinned = {{"m1", instance.devices[0].name}};
    const Problem problem = make_problem(instance.profile, instance.devices, options);
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Scored start = score(problem, *first);
    const Relaxation root =
        relax(problem, upper_bound(problem), beaten_by(start.shares.throughput), {&start}, 100, Clock(1e9));
    const auto after = [&](int nodes) {
      Random random(seed);
      return branch(problem, priced(problem, *first), root.bound, root, 1e300, nodes, Clock(1e9), random);
    };
    const Branched all = after(300);
    expect_sound(problem, all.best.placement);
    for (const int nodes : {0, 1, 4}) {
      const Branched some = after(nodes);
      EXPECT_LE(some.nodes, nodes);
      EXPECT_GE(some.bound, all.best.basis.throughput() * (1.0 - 1e-9)) << "seed " << seed;
      EXPECT_LE(some.bound, root.bound);
      EXPECT_GE(some.best.basis.throughput(), start.shares.throughput * (1.0 - 1e-9));
    }
  }
}

// Each device's memory is its own, so there are as many classes as devices.
TEST(Branch, LowersTheBoundWhereManyDevicesDifferALittle) {
  double root_sum = 0.0, sum = 0.0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Instance instance = random_instance(seed, {.models = 9, .devices = 6, .batches = 2}, 1.25);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    Random random(seed);
    const Priced start = anneal(problem, priced(problem, *first), 2000, 2000, 0.1, 1e300, Clock(1e9), random);
    const double present = start.basis.throughput();
    const Relaxation root = relax(problem, upper_bound(problem), beaten_by(present), {}, 300, Clock(1e9));
    const auto branched = [&] {
      Random again(seed);
      return branch(problem, start, root.bound, root, 1e300, 12, Clock(1e9), again);
    };
    const Branched found = branched();
    EXPECT_EQ(found.bound, branched().bound) << "seed " << seed;
    EXPECT_GE(found.bound, found.best.basis.throughput());
    root_sum += root.bound / present;
    sum += found.bound / present;
  }
  EXPECT_GT(root_sum, 1.0);
  EXPECT_LT(sum, root_sum - 0.1) << "of 6 instances";
}

TEST(Regroup, IsNeverBelowItsStartAndKeepsToMemory) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 12, .devices = 8, .batches = 3, .weights = seed % 2 == 0}, 1.4);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Priced start = priced(problem, *first);
    Random random(seed);
    const Priced found = regroup(problem, start, 15, 1e300, Clock(1e9), random);
    EXPECT_GE(found.basis.throughput(), start.basis.throughput() * (1.0 - 1e-6));
    const double exact = score(problem, found.placement).shares.throughput;
    EXPECT_NEAR(found.basis.throughput(), exact, 1e-6 * exact);
    expect_sound(problem, found.placement);
    better += found.basis.throughput() > 1.1 * start.basis.throughput();
  }
  EXPECT_GT(better, 10);
}

}  // namespace
}  // namespace quorate
