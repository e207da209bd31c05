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

// From right under the optimum, where what a better plan must host says most; with slowdowns, workspaces that add up, and
// pinned and forbidden places.
TEST(Relaxation, IsNeverBelowTheOptimum) {
  int restricted = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed, 5);
    const Instance instance = random_instance(seed,
                                              {.models = 2 + seed % 2,
                                               .devices = 2 + seed % 3 / 2,
                                               .batches = 1 + seed % 2,
                                               .weights = seed % 5 < 3,
                                               .slowdown = seed % 4 == 0},
                                              std::vector{0.9, 1.1, 1.5, 3.0}[seed / 6 % 4]);
    PlanOptions options{.demand = instance.demand, .workspace = seed % 3 == 0 ? Workspace::kSum : Workspace::kLargest};
    const std::size_t m = random.below(instance.demand.size()), device = random.below(instance.devices.size());
    const bool pins = seed % 7 == 0, forbids = seed % 7 == 1;
    const Place place{instance.profile.models[m], instance.devices[device].name};
    if (pins) options.pinned = {place};
    if (forbids) options.forbidden = {place};
    if ((pins || forbids) && instance.demand[m] <= 0.0) continue;
    const Problem problem = make_problem(instance.profile, instance.devices, options);
    const std::size_t at = static_cast<std::size_t>(std::ranges::find(problem.model, m) - problem.model.begin());
    const auto allowed = [&](const oracle::Allocation& hosted) {
      return !(pins && hosted[problem.cell(device, at)] == 0) && !(forbids && hosted[problem.cell(device, at)] > 0);
    };
    const oracle::BestPlan best =
        oracle::best_plan(instance.profile, instance.devices, instance.demand, options.workspace, allowed);
    if (!best.feasible) continue;
    restricted += pins || forbids;
    const Relaxation relaxation = relax(problem, upper_bound(problem), best.throughput * (1.0 - 1e-6), {}, 200, Clock(1e9));
    EXPECT_GE(relaxation.bound, best.throughput * (1.0 - 1e-9)) << "seed " << seed;
  }
  EXPECT_GT(restricted, 200);
}

// Both answers to how many devices of a kind host a model: the bound of each holds for the plans that agree with it.
TEST(Relaxation, HoldsForThePlansOfADecision) {
  int decided = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Instance instance = random_instance(seed, {.models = 3, .devices = 3, .batches = 1}, 1.3);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    HostingLimit limit{
        seed % problem.models, {seed % 3 != 1, seed % 3 != 2}, static_cast<double>(seed / 3 % 3), seed % 2 == 0};
    const auto allowed = [&](const oracle::Allocation& hosted) {
      double copies = 0.0;
      for (std::size_t device = 0; device < problem.devices; ++device)
        copies += limit.kinds[problem.kind[device]] && hosted[problem.cell(device, limit.m)] > 0;
      return limit.at_least ? copies >= limit.copies : copies <= limit.copies;
    };
    const oracle::BestPlan best =
        oracle::best_plan(instance.profile, instance.devices, instance.demand, Workspace::kLargest, allowed);
    const Relaxation relaxation = relax(problem, upper_bound(problem), 0.0, {}, 200, Clock(1e9), {limit});
    EXPECT_GE(relaxation.bound, best.throughput * (1.0 - 1e-9)) << "seed " << seed;
    const double free = relax(problem, upper_bound(problem), 0.0, {}, 200, Clock(1e9)).bound;
    EXPECT_LE(relaxation.bound, free * (1.0 + 2e-3)) << "seed " << seed;
    decided += relaxation.bound < free * 0.99;
  }
  EXPECT_GT(decided, 50);
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
