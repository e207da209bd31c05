#include "plan/share_basis.h"

#include <gtest/gtest.h>

#include <cmath>

#include "plan/share_lp.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

// Cells change at random, several at a time, over five orders of magnitude.
TEST(ShareBasis, FollowsTheExactSharesThroughChanges) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const std::size_t models = 1 + random.below(10), devices = 1 + random.below(6);
    std::vector<double> demand, rate(devices * models, 0.0);
    for (std::size_t m = 0; m < models; ++m) demand.push_back(std::pow(10.0, -3.0 * random.uniform()));
    ShareBasis basis(devices, demand);
    for (int step = 0; step < 40; ++step) {
      for (std::size_t changes = 1 + random.below(step == 0 ? 3 * rate.size() : 4); changes > 0; --changes) {
        const std::size_t cell = random.below(rate.size());
        rate[cell] = random.below(3) == 0 ? 0.0 : std::exp(3.0 * random.normal() + 4.0);
        basis.set(cell / models, cell % models, rate[cell]);
      }
      const Shares exact = best_shares(rate, demand);
      ASSERT_NEAR(basis.solve(), exact.throughput, 1e-6 * exact.throughput + 1e-5) << "seed " << seed << " step " << step;
      if (exact.throughput <= 0.0) continue;
      double priced = 0.0, worth = 0.0;
      for (std::size_t m = 0; m < models; ++m) priced += basis.price(m) * demand[m];
      EXPECT_NEAR(priced, 1.0, 1e-6);
      for (std::size_t device = 0; device < devices; ++device) {
        worth += basis.worth(device);
        double time = 0.0;
        for (std::size_t m = 0; m < models; ++m) {
          EXPECT_LE(basis.price(m) * rate[device * models + m], basis.worth(device) + 1e-6 * exact.throughput);
          time += basis.share(device, m);
        }
        EXPECT_LE(time, 1.0 + 1e-6);
      }
      EXPECT_NEAR(worth, exact.throughput, 1e-6 * exact.throughput);
    }
  }
}

TEST(ShareBasis, CopiesAreIndependent) {
  ShareBasis one(1, std::vector{1.0, 1.0});
  one.set(0, 0, 4.0);
  one.set(0, 1, 2.0);
  ShareBasis other = one;
  EXPECT_NEAR(one.solve(), 4.0 / 3.0, 1e-9);
  other.set(0, 1, 4.0);
  EXPECT_NEAR(other.solve(), 2.0, 1e-9);
  EXPECT_NEAR(one.share(0, 0), 1.0 / 3.0, 1e-9);
  EXPECT_EQ(one.rate(0, 1), 2.0);
}

}  // namespace
}  // namespace quorate
