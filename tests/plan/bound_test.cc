#include "plan/bound.h"

#include <gtest/gtest.h>

#include "oracle/plan.h"
#include "plan/columns.h"
#include "plan/instances.h"
#include "plan/pack.h"
#include "plan/rounding.h"
#include "plan/search.h"

namespace quorate {
namespace {

struct Relaxed {
  double best, loose, tight;
};

// Over tiny instances that can be placed: the optimum and both bounds. The placement that relax() starts from is the first
// one, or the best that annealing finds.
template <class Visit>
void each_relaxed(double room, bool annealed, const Visit& visit) {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 1 + seed % 3, .devices = 2, .batches = 3, .weights = seed % 2 == 0}, room);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    Random random(seed);
    const Scored start =
        annealed
            ? score(problem, anneal(problem, priced(problem, *first), 500, 500, 0.02, 1e300, Clock(1e9), random).placement)
            : score(problem, *first);
    const double best = oracle::best_plan(instance.profile, instance.devices, instance.demand).throughput;
    const double loose = upper_bound(problem);
    const Relaxation relaxation = relax(problem, loose, beaten_by(start.shares.throughput), {&start}, 100, Clock(1e9));
    visit(seed, Relaxed{best, loose, relaxation.bound});
  }
}

TEST(Relaxation, HoldsAndIsTighter) {
  for (const double room : {0.9, 1.1, 1.5, 3.0})
    for (const bool annealed : {false, true})
      each_relaxed(room, annealed, [&](std::uint64_t seed, const Relaxed& r) {
        EXPECT_GE(r.tight, r.best * (1.0 - 1e-9)) << "seed " << seed << " room " << room;
        EXPECT_LE(r.tight, r.loose) << "seed " << seed << " room " << room;
      });
}

TEST(Relaxation, IsNearTheOptimumWhereMemoryIsTight) {
  double loose = 0.0, tight = 0.0;
  int count = 0;
  each_relaxed(1.1, true, [&](std::uint64_t, const Relaxed& r) {
    loose += r.best / r.loose;
    tight += r.best / r.tight;
    ++count;
  });
  EXPECT_GT(count, 20);
  EXPECT_GT(tight / count, 0.9);
  EXPECT_LT(loose / count, 0.8);
}

TEST(Relaxation, RoundsToPlacementsWithinMemory) {
  int placed = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Instance instance = random_instance(seed, {.models = 6, .devices = 4, .batches = 3}, 1.6);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Scored start = score(problem, *first);
    const Relaxation relaxation =
        relax(problem, upper_bound(problem), beaten_by(start.shares.throughput), {&start}, 100, Clock(1e9));
    Random random(seed);
    const std::optional<Placement> placement =
        rounded(problem, relaxation, seed % 2 == 0 ? Rounding::kLargest : Rounding::kDrawn, random);
    if (!placement) continue;
    ++placed;
    for (std::size_t m = 0; m < problem.models; ++m) EXPECT_GE(placement->copies(problem, m), 1u);
    for (std::size_t device = 0; device < problem.devices; ++device) EXPECT_GE(placement->free_bytes(device), 0);
  }
  EXPECT_GT(placed, 50);
}

TEST(Relaxation, FewClassesHoldWhatTheirFirstDeviceHoldsAtLeast) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Instance instance = random_instance(seed, {.models = 4, .devices = 40, .batches = 3}, 8.0);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::vector<DeviceClass> exact = classes_of(problem);
    EXPECT_GT(exact.size(), 30u) << "memory is drawn for each device";
    const std::vector<DeviceClass> few = classes_of(problem, 6 * problem.models);
    EXPECT_LT(few.size(), exact.size() / 2);
    std::vector<int> seen(problem.devices, 0);
    for (const DeviceClass& alike : few)
      for (const std::size_t device : alike.devices) {
        ++seen[device];
        const std::size_t first = alike.devices[0];
        EXPECT_EQ(problem.kind[device], problem.kind[first]);
        EXPECT_LE(problem.capacity_bytes[device], problem.capacity_bytes[first]);
        for (std::size_t m = 0; m < problem.models; ++m)
          for (std::size_t batch = 0; batch < problem.batches; ++batch)
            EXPECT_LE(problem.rate[problem.option(device, m, batch)], problem.rate[problem.option(first, m, batch)]);
      }
    EXPECT_EQ(seen, std::vector<int>(problem.devices, 1));
  }
}

}  // namespace
}  // namespace quorate
