#include "plan/dive.h"

#include <gtest/gtest.h>

#include "oracle/plan.h"
#include "plan/instances.h"
#include "plan/pack.h"

namespace quorate {
namespace {

struct Rooted {
  Instance instance;
  Problem problem;
  Relaxation root;
};

std::vector<Rooted> rooted(std::uint64_t count, InstanceSize size, double room) {
  std::vector<Rooted> result;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    Instance instance = random_instance(seed, size, room);
    Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    const Scored start = score(problem, *first);
    Relaxation root = relax(problem, upper_bound(problem), 0.0, {&start}, 100, Clock(1e9));
    result.push_back({std::move(instance), std::move(problem), std::move(root)});
  }
  return result;
}

std::optional<Priced> dived(const Rooted& of, double beaten, Rounding how = Rounding::kLargest, std::uint64_t seed = 0) {
  Random random(seed);
  return dive(of.problem, of.root, beaten, how, Clock(1e9), random);
}

TEST(Dive, IsNeverAboveTheOptimumAndOftenThere) {
  int there = 0, count = 0;
  for (const Rooted& of : rooted(120, {.models = 3, .devices = 2, .batches = 3}, 1.2)) {
    const double best = oracle::best_plan(of.instance.profile, of.instance.devices, of.instance.demand).throughput;
    const std::optional<Priced> found = dived(of, 0.0);
    ++count;
    if (!found) continue;
    EXPECT_LE(found->basis.throughput(), best * (1.0 + 1e-6));
    there += found->basis.throughput() >= best * (1.0 - 1e-3);
  }
  EXPECT_GT(count, 60);
  EXPECT_GT(there, count * 3 / 4);
}

TEST(Dive, BeatsRoundingAtOnceWhereMemoryIsTight) {
  double by_diving = 0.0, by_rounding = 0.0;
  for (const Rooted& of : rooted(20, {.models = 12, .devices = 5, .batches = 2}, 1.2)) {
    Random random(0);
    const std::optional<Placement> at_once = rounded(of.problem, of.root, Rounding::kLargest, random);
    by_rounding += at_once ? priced(of.problem, *at_once).basis.throughput() / of.root.bound : 0.0;
    const std::optional<Priced> found = dived(of, 0.0);
    by_diving += found ? found->basis.throughput() / of.root.bound : 0.0;
    if (!found) continue;
    for (std::size_t m = 0; m < of.problem.models; ++m) EXPECT_GE(found->placement.copies(of.problem, m), 1u);
    for (std::size_t device = 0; device < of.problem.devices; ++device) EXPECT_GE(found->placement.free_bytes(device), 0);
  }
  EXPECT_GT(by_diving, 1.1 * by_rounding);
}

TEST(Dive, IsTheSameForASeedAndSaysNothingBelowWhatIsBeaten) {
  for (const Rooted& of : rooted(20, {.models = 6, .devices = 3, .batches = 2}, 1.3)) {
    EXPECT_FALSE(dived(of, of.root.bound * 1.01));
    for (const std::uint64_t seed : {1u, 2u}) {
      const std::optional<Priced> found = dived(of, 0.0, Rounding::kDrawn, seed);
      const std::optional<Priced> again = dived(of, 0.0, Rounding::kDrawn, seed);
      ASSERT_EQ(found.has_value(), again.has_value());
      if (!found) continue;
      EXPECT_EQ(found->basis.throughput(), again->basis.throughput());
    }
  }
}

}  // namespace
}  // namespace quorate
