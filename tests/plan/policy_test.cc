#include "quorate/plan/policy.h"

#include <gtest/gtest.h>

#include <vector>

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

}  // namespace
}  // namespace quorate
