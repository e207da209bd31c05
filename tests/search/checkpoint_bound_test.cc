#include "search/checkpoint_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/checkpoint_bound.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CheckpointsToDrop, EqualsTheOracle) {
  Random random(3);
  for (int round = 0; round < 5000; ++round) {
    const auto trials = static_cast<std::int64_t>(random.below(8));
    std::vector<std::int64_t> least_promising;
    std::vector<StoredCheckpoint> checkpoints;
    for (std::int64_t trial = 0; trial < trials; ++trial) {
      if (random.below(3) > 0)
        least_promising.insert(
            least_promising.begin() + static_cast<std::ptrdiff_t>(random.below(least_promising.size() + 1)), trial);
      for (std::int64_t resource = 1; resource <= 9; resource *= 3)
        if (random.below(2) == 0)
          checkpoints.insert(checkpoints.begin() + static_cast<std::ptrdiff_t>(random.below(checkpoints.size() + 1)),
                             {trial, resource, static_cast<std::int64_t>(random.below(5))});
    }
    const auto max_bytes = static_cast<std::int64_t>(random.below(30));
    ASSERT_EQ(checkpoints_to_drop(checkpoints, least_promising, max_bytes),
              oracle::checkpoints_to_drop(checkpoints, least_promising, max_bytes));
  }
}

TEST(CheckpointsToDrop, TakesNoMoreThanItMustAndNeverThoseOfOthers) {
  const std::vector<StoredCheckpoint> all{{0, 1, 10}, {1, 3, 10}, {1, 1, 10}, {2, 9, 10}};
  const std::vector<std::int64_t> least_promising{1, 0};
  EXPECT_THAT(checkpoints_to_drop(all, least_promising, 40), IsEmpty());
  EXPECT_THAT(checkpoints_to_drop(all, least_promising, 39), ElementsAre(StoredCheckpoint{1, 1, 10}));
  EXPECT_THAT(checkpoints_to_drop(all, least_promising, 15),
              ElementsAre(StoredCheckpoint{1, 1, 10}, StoredCheckpoint{1, 3, 10}, StoredCheckpoint{0, 1, 10}));
  EXPECT_EQ(checkpoints_to_drop(all, least_promising, 0).size(), 3u) << "trial 2 runs or waits";
}

}  // namespace
}  // namespace quorate
