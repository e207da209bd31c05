#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quorate/route/find_cascades.h"
#include "route/search_problem.h"

namespace quorate {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(FindCascadesWithin, EqualsBruteForceAtDepthThreeAndFour) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    Problem problem = random_problem(seed);
    problem.predictions = test::random_predictions(random, 3 + random.below(2), 1 + random.below(6));
    problem.cost = test::random_cost(random, problem.predictions.models());
    problem.options.signal = static_cast<Signal>(random.below(5));
    problem.options.combine = static_cast<Combine>(random.below(3));
    problem.options.max_worst_cost = {};
    problem.options.tier_sizes = {1};
    problem.options.max_depth = 3 + static_cast<int>(seed % 2);
    problem.options.gap = 0.0;
    if (random.below(2) == 0) problem.options.limits = {random_limit(random, problem)};
    std::vector<oracle::Outcome> outcomes;
    add_deeper(problem, static_cast<std::size_t>(problem.options.max_depth), {}, outcomes);
    if (outcomes.empty()) continue;  // the limit excludes all
    const CascadeFront found = find_cascades(problem.predictions, problem.cost, problem.options);
    ASSERT_EQ(outcomes_of(found), oracle::front(outcomes)) << "seed " << seed << ": " << problem;
  }
}

TEST(FindCascadesWithin, EqualsBruteForceWithinLimits) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed + 7);
    Problem problem = random_problem(seed);
    problem.options.max_depth = 2;
    problem.options.limits = {random_limit(random, problem), random_limit(random, problem)};
    std::vector<oracle::Outcome> outcomes;
    add_deeper(problem, 2, {}, outcomes);
    if (outcomes.empty()) {
      EXPECT_THROW(find_cascades(problem.predictions, problem.cost, problem.options), std::invalid_argument);
      continue;
    }
    const CascadeFront found = find_cascades(problem.predictions, problem.cost, problem.options);
    ASSERT_EQ(outcomes_of(found), oracle::front(outcomes)) << "seed " << seed << ": " << problem;
  }
}

TEST(FindCascadesWithin, EqualsBruteForceWhereSamplesCostDiffers) {
  for (std::uint64_t seed = 0; seed < 700; ++seed) {
    Random random(seed + 11);
    Problem problem = random_problem(seed);
    problem.options.max_depth = 2;
    problem.options.max_worst_cost = {};
    // A number of samples that means of whole numbers divide by exactly, in whatever order they are summed.
    const std::size_t models = problem.predictions.models();
    problem.predictions = test::with_random_certainty(random, test::random_predictions(random, models, 8));
    std::vector<double> each(models * problem.predictions.samples());
    for (double& one : each) one = static_cast<double>(random.below(8));
    problem.cost = ModelCosts::of_samples({each.data(), models, problem.predictions.samples()});
    if (problem.options.parallelism == 0.5) problem.options.parallelism = 1.0;  // sums of whole numbers are exact
    std::vector<oracle::Outcome> outcomes;
    add_deeper(problem, 2, {}, outcomes);
    const CascadeFront found = find_cascades(problem.predictions, problem.cost, problem.options);
    const std::vector<oracle::Outcome> expected = oracle::front(outcomes);
    ASSERT_EQ(found.size(), expected.size()) << "seed " << seed << ": " << problem;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(found[i].loss, expected[i].loss) << "seed " << seed << ": " << problem;
      ASSERT_NEAR(found[i].cost, expected[i].cost, 1e-12) << "seed " << seed << ": " << problem;
    }
  }
}

TEST(FindCascadesWithin, SaysWhichLimitCannotBeMetAndByHowMuch) {
  Random random(4);
  const Predictions predictions = test::random_probabilities(random, 2, 10, 2);
  const std::vector<double> cost = {1.0, 2.0};
  const auto message_for = [&](std::vector<CascadeLimit> limits, const char* part) {
    EXPECT_THAT([&] { find_cascades(predictions, cost, {.limits = limits}); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for({{.name = "usd", .cost = {3.0, 2.0}, .max_mean = 1.5}},
              "max_mean of limit \"usd\" is 1.5, but must be at least 2, the cheapest model's cost");
  message_for({{.name = "s", .cost = {3.0, 2.0}, .max_tier = {1.0, 9.0}}},
              "max_tier[0] of limit \"s\" is 1, but must be at least 2");
  message_for({{.name = "usd", .cost = {3.0, 1.0}, .max_mean = 2.0}, {.name = "s", .cost = {1.0, 4.0}, .max_worst = 3.0}},
              "no cascade meets all limits at once: model \"1\" comes nearest, and exceeds max_worst of limit \"s\", "
              "which is 3, by 1");
  message_for({{.name = "usd", .cost = {3.0}, .max_mean = 2.0}}, "the cost of limit \"usd\" has 1 entries, but there are 2");
  message_for({{.name = "usd", .cost = {3.0, 1.0}}}, "limit \"usd\" has none of max_mean, max_worst and max_tier");
  message_for({{.name = "usd", .cost = {3.0, 1.0}, .max_mean = NAN}}, "max_mean of limit \"usd\" is nan, but must be");
  message_for({{.name = "usd", .cost = {3.0, 1.0}, .parallelism = -1.0, .max_mean = 1.0}},
              "the parallelism of limit \"usd\" is -1, but must be from 0 to 1");
}

TEST(FindCascadesWithin, SaysWhichLimitContradictsTheWorstCost) {
  Random random(4);
  const Predictions predictions = test::random_probabilities(random, 3, 10, 2);
  const auto refused = [&](const ModelCosts& cost, const CascadeOptions& options) {
    return test::refusal<std::invalid_argument>([&] { find_cascades(predictions, cost, options); });
  };
  // Each alone can be met: by model 0, and by model 1.
  const std::vector<double> cost = {1.0, 3.0, 9.0};
  CascadeOptions options{.max_worst_cost = 2.0, .limits = {{.name = "usd", .cost = {8.0, 4.0, 9.0}, .max_mean = 5.0}}};
  EXPECT_EQ(refused(cost, options),
            "no cascade meets all limits at once: model \"1\" comes nearest, and exceeds max_worst_cost, which is 2, by 1");
  options.max_worst_cost = 3.0;
  EXPECT_EQ(refused(cost, options), "");
  options.max_worst_cost = 0.5;
  EXPECT_EQ(refused(cost, options), "max_worst_cost is 0.5, but must be at least 1, the cheapest model's cost");
  options.max_worst_cost = NAN;
  EXPECT_EQ(refused(cost, options), "max_worst_cost is nan, but must be at least 1, the cheapest model's cost");
  // A limit of 0 is met by what is free, and by nothing else.
  options = {.limits = {{.name = "usd", .cost = {0.0, 1.0, 1.0}, .max_worst = 0.0},
                        {.name = "s", .cost = {2.0, 1.0, 1.0}, .max_tier = {1.0}}}};
  EXPECT_EQ(refused(cost, options),
            "no cascade meets all limits at once: model \"0\" comes nearest, and exceeds max_tier[0] of limit \"s\", which "
            "is 1, by 1");
  // Where samples have their own costs, the worst of them counts.
  const std::vector<double> each = {1, 1, 1, 1, 1, 1, 1, 1, 1, 6, 4, 4, 4, 4, 4,
                                    4, 4, 4, 4, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
  options = {.max_worst_cost = 3.0};
  EXPECT_EQ(refused(ModelCosts::of_samples({each.data(), 3, 10}), options),
            "max_worst_cost is 3, but must be at least 4, the cheapest model's cost");
}

}  // namespace
}  // namespace quorate
