#include "quorate/plan/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "quorate/core/random.h"

namespace quorate {
namespace {

std::optional<std::size_t> pick(const std::vector<Backlog>& hosted) { return pick_next(hosted); }

TEST(PickNext, TakesTheLargestBacklogRelativeToDemand) {
  EXPECT_EQ(pick({{10, 0, 1.0}, {12, 0, 1.0}}), 1u);
  EXPECT_EQ(pick({{10, 0, 1.0}, {6, 0, 0.5}}), 1u);
  EXPECT_EQ(pick({{10, 0, 1.0}, {4, 0, 0.5}}), 0u);
}

TEST(PickNext, BreaksTiesByProgressThenByIndex) {
  EXPECT_EQ(pick({{10, 7, 1.0}, {10, 6, 1.0}}), 1u);
  EXPECT_EQ(pick({{10, 6, 1.0}, {5, 4, 0.5}}), 0u);
  EXPECT_EQ(pick({{10, 6, 1.0}, {10, 6, 1.0}}), 0u);
}

TEST(PickNext, SkipsWhatDoesNotWait) {
  EXPECT_EQ(pick({{0, 0, 1.0}, {1, 1000, 1.0}}), 1u);
  EXPECT_EQ(pick({{0, 0, 1.0}, {0, 0, 0.1}}), std::nullopt);
  EXPECT_EQ(pick({}), std::nullopt);
}

TEST(SamplesToTake, AsManyAsFitWhereNoFewerBatchesWaitThanDevicesAreFree) {
  EXPECT_EQ(samples_to_take(8, 8, 1, 1), 8u);
  EXPECT_EQ(samples_to_take(20, 8, 3, 3), 8u);
  EXPECT_EQ(samples_to_take(4, 8, 2, 2), 4u);
}

TEST(SamplesToTake, OtherwiseBatchesAreCutAmongTheFreeDevices) {
  EXPECT_EQ(samples_to_take(8, 8, 1, 2), 4u);
  EXPECT_EQ(samples_to_take(9, 8, 2, 3), 3u);     // two batches and a spare device: three pieces
  EXPECT_EQ(samples_to_take(32, 32, 4, 8), 16u);  // of four models
  EXPECT_EQ(samples_to_take(2, 8, 1, 5), 1u);
}

// What waits for a group of equal devices, all of them free, is gone when each has taken once, where its batches are no more
// than the devices; and no device that could have something has nothing.
TEST(SamplesToTake, LeavesNothingThatWholeBatchesWouldNotLeaveAndNobodyIdle) {
  Random random(0);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::size_t> queued(1 + random.below(5)), batch(queued.size());
    std::size_t samples = 0, batches = 0;
    for (std::size_t m = 0; m < queued.size(); ++m) {
      batch[m] = 1 + random.below(20);
      queued[m] = 1 + random.below(40);
      samples += queued[m];
      batches += batches_of(queued[m], batch[m]);
    }
    const std::size_t devices = batches + random.below(10);
    for (std::size_t free = devices; free > 0 && samples > 0; --free) {
      const auto m = static_cast<std::size_t>(std::ranges::max_element(queued) - queued.begin());
      batches = 0;
      for (std::size_t other = 0; other < queued.size(); ++other) batches += batches_of(queued[other], batch[other]);
      const std::size_t taken = samples_to_take(queued[m], batch[m], batches, free);
      ASSERT_GE(taken, 1u);
      ASSERT_LE(taken, std::min(queued[m], batch[m]));
      queued[m] -= taken;
      samples -= taken;
      if (free == 1 || samples > 0) continue;
      ASSERT_EQ(taken, 1u) << free - 1 << " devices have nothing";
    }
    ASSERT_EQ(samples, 0u);
  }
}

}  // namespace
}  // namespace quorate
