#include "plan/search.h"

#include <gtest/gtest.h>

#include "plan/instances.h"
#include "plan/pack.h"

namespace quorate {
namespace {

template <class Visit>
void each_placed(double room, const Visit& visit) {
  int count = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    const Instance instance =
        random_instance(seed, {.models = 6, .devices = 4, .batches = 3, .weights = seed % 2 == 0}, room);
    const Problem problem = make_problem(instance.profile, instance.devices, {.demand = instance.demand});
    const std::optional<Placement> first = first_fit(problem);
    if (!first) continue;
    ++count;
    visit(seed, problem, priced(problem, *first));
  }
  EXPECT_GT(count, 40);
}

void expect_sound(const Problem& problem, const Placement& placement) {
  for (std::size_t m = 0; m < problem.models; ++m) EXPECT_GE(placement.copies(problem, m), 1u);
  for (std::size_t device = 0; device < problem.devices; ++device) EXPECT_GE(placement.free_bytes(device), 0);
}

TEST(Draft, PlacesWhatItSaysOrIsTakenBack) {
  int inserted = 0, failed = 0;
  each_placed(1.3, [&](std::uint64_t seed, const Problem& problem, const Priced& start) {
    Random random(seed, 5);
    Placement placement = start.placement;
    for (int i = 0; i < 20; ++i) {
      const Change change{random.below(problem.devices), random.below(problem.models), static_cast<int>(random.below(3))};
      if (problem.rate[problem.option(change.device, change.m, static_cast<std::size_t>(change.batch))] <= 0.0) continue;
      std::vector<int> before;
      for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell) before.push_back(placement.batch(cell));
      Draft draft(problem, placement, start.basis, random);
      if (draft.insert(change)) {
        ++inserted;
        EXPECT_EQ(placement.batch(problem.cell(change.device, change.m)), change.batch);
        expect_sound(problem, placement);
        if (i % 2 == 0) continue;
      } else {
        ++failed;
      }
      draft.undo();
      for (std::size_t cell = 0; cell < before.size(); ++cell) EXPECT_EQ(placement.batch(cell), before[cell]);
      expect_sound(problem, placement);
    }
  });
  EXPECT_GT(inserted, 200);
  EXPECT_GT(failed, 20);
}

TEST(Anneal, IsNeverBelowItsStartAndKeepsToMemory) {
  int better = 0;
  each_placed(1.5, [&](std::uint64_t seed, const Problem& problem, const Priced& start) {
    Random random(seed);
    const Priced found = anneal(problem, start, 300, 300, 0.02, 1e300, Clock(1e9), random);
    EXPECT_GE(found.basis.throughput(), start.basis.throughput());
    const double exact = score(problem, found.placement).shares.throughput;
    EXPECT_NEAR(found.basis.throughput(), exact, 1e-6 * exact);
    expect_sound(problem, found.placement);
    better += found.basis.throughput() > 1.1 * start.basis.throughput();
  });
  EXPECT_GT(better, 20);
}

TEST(MostPromising, ListsEveryOptionThatCouldGain) {
  each_placed(1.5, [&](std::uint64_t, const Problem& problem, const Priced& start) {
    const std::vector<Change> all = most_promising(problem, start, 1000000);
    double last = std::numeric_limits<double>::infinity();
    for (const Change& change : all) {
      const double gain = start.basis.price(change.m) *
                              problem.rate[problem.option(change.device, change.m, static_cast<std::size_t>(change.batch))] -
                          start.basis.worth(change.device);
      EXPECT_GT(gain, 0.0);
      EXPECT_LE(gain, last);
      last = gain;
    }
    EXPECT_EQ(most_promising(problem, start, 2).size(), std::min<std::size_t>(2, all.size()));
  });
}

}  // namespace
}  // namespace quorate
