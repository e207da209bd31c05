#include "plan/device_load.h"

#include <gtest/gtest.h>

#include "oracle/device_load.h"
#include "plan/instances.h"

namespace quorate {
namespace {

// Some of the models that run on the device, each asked for up to two of the device's best rates; one in five for nothing.
std::vector<Duty> some_duties(const Problem& problem, const DeviceLoads& loads, std::size_t device, Random& random) {
  std::vector<Duty> duties;
  for (std::size_t m = 0; m < problem.models; ++m) {
    if (!loads.runs(device, m) || random.below(2) == 0) continue;
    double most = 0.0;
    for (std::size_t batch = 0; batch < problem.batches; ++batch)
      most = std::max(most, problem.rate[problem.option(device, m, batch)]);
    duties.push_back({m, random.below(5) == 0 ? 0.0 : 2.0 * random.uniform() * most});
  }
  return duties;
}

TEST(DeviceLoads, IsTheLeastOfAllChoicesOfBatchSizes) {
  int fitting = 0, lacking = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Instance instance = random_instance(
        seed, {.models = 6, .devices = 3, .batches = 4, .weights = seed % 2 == 0, .slowdown = seed % 4 < 2}, 1.2);
    const Problem problem = make_problem(instance.profile, instance.devices, {});
    DeviceLoads loads(problem);
    Random random(seed);
    for (std::size_t device = 0; device < problem.devices; ++device) {
      const std::vector<Duty> duties = some_duties(problem, loads, device, random);
      const double expected = oracle::least_time(problem, device, duties);
      const DeviceLoad found = loads.least(device, duties);
      if (std::isinf(expected)) {
        ++lacking;
        EXPECT_GT(found.missing, 0.0) << seed;
        continue;
      }
      ++fitting;
      EXPECT_EQ(found.missing, 0.0) << seed;
      EXPECT_NEAR(found.time, expected, 1e-12 * expected) << seed;
      // The batch sizes that it names have that time, and fit.
      Placement placement(problem);
      double time = 0.0;
      for (std::size_t i = 0; i < duties.size(); ++i) {
        ASSERT_TRUE(placement.fits(problem, device, duties[i].m, loads.batches()[i])) << seed;
        placement.place(problem, device, duties[i].m, loads.batches()[i]);
      }
      for (const Duty& duty : duties) time += duty.rate / rate_of(problem, placement, device, duty.m);
      EXPECT_NEAR(time, expected, 1e-12 * expected) << seed;
    }
  }
  EXPECT_GT(fitting, 300);
  EXPECT_GT(lacking, 50);
}

TEST(DeviceLoads, SaysHowMuchMemoryTheSmallestBatchesLack) {
  Profile profile{{"a", "b"}, {1, 8}, {"gpu"}, {1e-3, 2e-3, 1e-3, 2e-3}, {60, 80, 90, 95}};
  const Problem problem = make_problem(profile, {{"gpu:0", "gpu", 100}}, {});
  DeviceLoads loads(problem);
  const DeviceLoad load = loads.least(0, std::vector<Duty>{{0, 100.0}, {1, 200.0}});
  EXPECT_DOUBLE_EQ(load.missing, 0.5);
  EXPECT_DOUBLE_EQ(load.time, 0.3);
  EXPECT_EQ(std::vector<int>(loads.batches().begin(), loads.batches().end()), std::vector<int>({0, 0}));
}

TEST(DeviceLoads, OfNoDutiesIsNothing) {
  const Instance instance = random_instance(0, {}, 1.2);
  const Problem problem = make_problem(instance.profile, instance.devices, {});
  const DeviceLoad load = DeviceLoads(problem).least(0, {});
  EXPECT_EQ(load.time, 0.0);
  EXPECT_EQ(load.missing, 0.0);
}

}  // namespace
}  // namespace quorate
