#include "plan/search.h"

#include <gtest/gtest.h>

#include "plan/instances.h"
#include "plan/pack.h"

namespace quorate {
namespace {

TEST(GreedyStep, EqualsScoringEveryNeighbour) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Instance instance = random_instance(seed, {.models = 4, .devices = 3, .batches = 3}, 1.8);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const Packing packing = pack(problem, instance.profile, instance.devices);
    if (!packing.placement) continue;
    const Scored present = score(problem, *packing.placement);
    double best = present.shares.throughput;
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t m = 0; m < problem.models; ++m)
        for (int batch = kAbsent; batch < static_cast<int>(problem.batches); ++batch) {
          Placement placement = *packing.placement;
          if (!placement.fits(problem, device, m, batch)) continue;
          placement.place(problem, device, m, batch);
          if (placement.copies(problem, m) == 0) continue;
          const double throughput = score(problem, placement).shares.throughput;
          EXPECT_LE(throughput, promise(problem, present.shares, device, m, batch)) << "seed " << seed;
          best = std::max(best, throughput);
        }
    Random random(seed);
    const std::optional<Scored> step = greedy_step(problem, present, 1000, random);
    EXPECT_NEAR(step ? step->shares.throughput : present.shares.throughput, best, 2e-6 * best) << "seed " << seed;
    better += step.has_value();
  }
  EXPECT_GT(better, 50);
}

TEST(PricedStep, OnlyEverImproves) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 3}, 1.3);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const Packing packing = pack(problem, instance.profile, instance.devices);
    if (!packing.placement) continue;
    Scored present = score(problem, *packing.placement);
    for (int step = 0; step < 1000; ++step) {
      std::optional<Scored> next = priced_step(problem, present, 100);
      if (!next) break;
      EXPECT_GT(next->shares.throughput, present.shares.throughput) << "seed " << seed;
      for (std::size_t device = 0; device < problem.devices; ++device)
        EXPECT_GE(next->placement.free_bytes(device), 0) << "seed " << seed;
      present = std::move(*next);
      ASSERT_LT(step, 999) << "seed " << seed << " never ends";
    }
  }
}

TEST(Shaken, PlacesEveryModelWithinMemory) {
  int shaken_ones = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Instance instance = random_instance(seed, {.models = 5, .devices = 3, .batches = 3}, 1.8);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const Packing packing = pack(problem, instance.profile, instance.devices);
    if (!packing.placement) continue;
    Random random(seed);
    const std::optional<Scored> other = shaken(problem, score(problem, *packing.placement), random);
    if (!other) continue;
    ++shaken_ones;
    EXPECT_GT(other->shares.throughput, 0.0);
    for (std::size_t m = 0; m < problem.models; ++m) EXPECT_GE(other->placement.copies(problem, m), 1u);
    for (std::size_t device = 0; device < problem.devices; ++device) EXPECT_GE(other->placement.free_bytes(device), 0);
  }
  EXPECT_GT(shaken_ones, 100);
}

}  // namespace
}  // namespace quorate
