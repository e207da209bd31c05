#include "quorate/select/front.h"

#include <gmock/gmock.h>

#include <limits>

#include "quorate/core/random.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct Point {
  double cost = 0.0;
  double loss = 0.0;
  int tag = 0;
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A candidate stands in the front unless another is at least as good in both, and better in one or earlier.
std::vector<int> tags_by_definition(const std::vector<Point>& candidates) {
  std::vector<Point> kept;
  for (const Point& a : candidates) {
    bool dominated = false;
    for (const Point& b : candidates)
      dominated |= b.cost <= a.cost && b.loss <= a.loss && (b.cost < a.cost || b.loss < a.loss || b.tag < a.tag);
    if (!dominated) kept.push_back(a);
  }
  std::sort(kept.begin(), kept.end(), [](const Point& a, const Point& b) { return a.cost < b.cost; });
  std::vector<int> tags;
  for (const Point& point : kept) tags.push_back(point.tag);
  return tags;
}

TEST(Front, KeepsTheNonDominatedByDefinition) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    std::vector<Point> candidates(random.below(12));
    for (std::size_t i = 0; i < candidates.size(); ++i)
      candidates[i] = {double(random.below(5)), double(random.below(5)), static_cast<int>(i)};
    std::vector<int> tags;
    for (const Point& point : Front<Point>(candidates)) tags.push_back(point.tag);
    ASSERT_EQ(tags, tags_by_definition(candidates)) << "seed " << seed;
  }
}

TEST(Front, NeverKeepsNan) {
  const Front<Point> front({{kNan, 0.1, 0}, {1.0, kNan, 1}, {2.0, 0.5, 2}});
  ASSERT_EQ(front.size(), 1u);
  EXPECT_EQ(front[0].tag, 2);
}

TEST(Front, WithinIsTheBestAffordablePoint) {
  const Front<Point> front({{1.0, 0.9, 0}, {2.0, 0.5, 1}, {4.0, 0.4, 2}});
  EXPECT_EQ(front.within(1.0).tag, 0);
  EXPECT_EQ(front.within(3.9).tag, 1);
  EXPECT_EQ(front.within(4.0).tag, 2);
  EXPECT_EQ(front.within(std::numeric_limits<double>::infinity()).tag, 2);
}

TEST(Front, WithinSaysTheLeastBudgetThatWorks) {
  const Front<Point> front({{1.25, 0.9, 0}});
  EXPECT_THAT([&] { front.within(0.5); },
              ThrowsMessage<std::invalid_argument>("max_cost is 0.5, but must be at least 1.25, the cheapest point's cost"));
  EXPECT_THAT([&] { front.within(kNan); }, ThrowsMessage<std::invalid_argument>(HasSubstr("max_cost is nan")));
  EXPECT_THAT([] { Front<Point>().within(1.0); },
              ThrowsMessage<std::invalid_argument>("max_cost is 1, but the front is empty"));
}

TEST(Front, TheBudgetNamedInTheErrorWorks) {
  const Front<Point> front({{0.1 + 0.2, 0.9, 0}});  // 0.30000000000000004: six digits of it would not be enough
  try {
    front.within(0.3);
    FAIL() << "0.3 is below the cheapest cost";
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    const double named = std::stod(text.substr(text.find("at least ") + 9));
    EXPECT_EQ(front.within(named).tag, 0);
  }
}

TEST(Front, KneeLiesFarthestBelowTheLine) {
  // The line from (1, 1) to (5, 0); (2, 0.3) lies 0.45 below it, (3, 0.2) only 0.3.
  const Front<Point> front({{1.0, 1.0, 0}, {2.0, 0.3, 1}, {3.0, 0.2, 2}, {5.0, 0.0, 3}});
  EXPECT_EQ(front.knee().tag, 1);
  EXPECT_EQ(Front<Point>({{7.0, 0.3, 9}}).knee().tag, 9);
  EXPECT_THAT([] { Front<Point>().knee(); }, ThrowsMessage<std::invalid_argument>("knee of an empty front"));
}

}  // namespace
}  // namespace quorate
