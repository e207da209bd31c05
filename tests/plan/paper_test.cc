#include "plan/paper.h"

#include <gtest/gtest.h>

#include "plan/instances.h"
#include "plan/pack.h"

namespace quorate {
namespace {

TEST(GreedyStep, EqualsScoringEveryNeighbour) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Instance instance = random_instance(seed, {.models = 4, .devices = 3, .batches = 3}, 1.8);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Scored present = score(problem, *first);
    double best = present.shares.throughput;
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t m = 0; m < problem.models; ++m)
        for (int batch = kAbsent; batch < static_cast<int>(problem.batches); ++batch) {
          Placement placement = *first;
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
  EXPECT_GT(better, 25);
}

TEST(TunedBatches, ChangesBatchesAloneUntilNoneIsBetter) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Instance instance = random_instance(seed, {.models = 4, .devices = 3, .batches = 3}, 2.5);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Scored before = score(problem, *first), after = tuned_batches(problem, before, Clock(1e9));
    better += after.shares.throughput > before.shares.throughput * 1.01;
    for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell) {
      EXPECT_EQ(before.placement.batch(cell) == kAbsent, after.placement.batch(cell) == kAbsent);
      for (int batch = 0; batch < static_cast<int>(problem.batches); ++batch) {
        Placement other = after.placement;
        const std::size_t device = cell / problem.models, m = cell % problem.models;
        if (other.batch(cell) == kAbsent || !other.fits(problem, device, m, batch)) continue;
        other.place(problem, device, m, batch);
        EXPECT_LE(score(problem, other).shares.throughput, after.shares.throughput * (1.0 + 2e-6));
      }
    }
  }
  EXPECT_GT(better, 25);
}

}  // namespace
}  // namespace quorate
