#include "quorate/route/find_cascades.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "quorate/route/evaluate.h"
#include "route/search_problem.h"

namespace quorate {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(FindCascades, EqualsBruteForceAtDepthTwo) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Problem problem = random_problem(seed);
    problem.options.max_depth = 2;
    const auto [stopping, last] = allowed_tiers(problem);
    std::vector<oracle::Outcome> outcomes;
    for (const Tier& tier : last) {
      const Cascade alone = with_tiers(problem, {tier});
      if (affordable(problem, alone)) outcomes.push_back(oracle::run(alone, problem.predictions, problem.cost));
      for (const Tier& first : stopping) add_all(problem, with_tiers(problem, {first, tier}), 0, outcomes);
    }
    const CascadeFront found = find_cascades(problem.predictions, problem.cost, problem.options);
    ASSERT_EQ(outcomes_of(found), oracle::front(outcomes)) << "seed " << seed << ": " << problem;
  }
}

TEST(FindCascades, ExtendsTheFrontExactly) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Problem problem = random_problem(seed);
    problem.options.max_depth = 2;
    const CascadeFront pairs = find_cascades(problem.predictions, problem.cost, problem.options);
    const auto [stopping, last] = allowed_tiers(problem);
    std::vector<oracle::Outcome> outcomes = outcomes_of(pairs);
    for (const Cascade& pair : pairs) {
      if (pair.tiers.size() != 2) continue;
      Cascade longer = pair;
      if (problem.options.combine == Combine::kLast)
        for (const Tier& tier : stopping) {
          longer.tiers = {tier, pair.tiers[0], pair.tiers[1]};
          add_all(problem, longer, 0, outcomes);
        }
      else if (std::any_of(stopping.begin(), stopping.end(),
                           [&](const Tier& tier) { return tier.members == pair.tiers[1].members; }))
        for (const Tier& tier : last) {
          longer.tiers = {pair.tiers[0], pair.tiers[1], tier};
          add_all(problem, longer, 1, outcomes);
        }
    }
    problem.options.max_depth = 3;
    problem.options.max_exact_work = 0.0;
    const CascadeFront found = find_cascades(problem.predictions, problem.cost, problem.options);
    ASSERT_EQ(outcomes_of(found), oracle::front(outcomes)) << "seed " << seed << ": " << problem;
  }
}

TEST(FindCascades, PointsAreWhatEvaluationAndTheOracleSayToTheLastBit) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Problem problem = random_problem(seed);
    problem.options.max_depth = 4;
    for (const Cascade& point : find_cascades(problem.predictions, problem.cost, problem.options)) {
      const CascadeReport report = evaluate(point, problem.predictions, problem.cost, 1);
      ASSERT_EQ(report.loss, point.loss);
      ASSERT_EQ(report.mean_cost, point.cost);
      ASSERT_EQ(report.worst_cost, point.worst_cost);
      ASSERT_LE(point.cost, point.worst_cost);
      ASSERT_EQ(oracle::run(point, problem.predictions, problem.cost), (oracle::Outcome{point.cost, point.loss}));
      ASSERT_EQ(point.found_by, point.tiers.size() == 4 ? "within 0.001" : "exact");
    }
  }
}

TEST(FindCascades, TheNumberOfThreadsChangesNothing) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Problem problem = random_problem(seed);
    problem.options.threads = 1;
    const std::string one = to_json(find_cascades(problem.predictions, problem.cost, problem.options));
    for (const int threads : {2, 3, 8}) {
      problem.options.threads = threads;
      ASSERT_EQ(to_json(find_cascades(problem.predictions, problem.cost, problem.options)), one) << "seed " << seed;
    }
  }
}

TEST(FindCascades, ACheapModelThatKnowsWhenItIsRightGoesFirst) {
  // Model 0 is right where it is sure, model 1 always.
  const Predictions predictions =
      test::from_rows({{.9f, .1f, .9f, .1f, .6f, .4f, .2f, .8f}, {1, 0, 1, 0, 0, 1, 0, 1}}, 2, {0, 0, 1, 1});
  const std::vector<double> cost = {1.0, 10.0};
  const CascadeFront front = find_cascades(predictions, cost);
  ASSERT_EQ(front.size(), 2u);
  EXPECT_EQ(front[0].tiers.size(), 1u);
  EXPECT_EQ(front[0].loss, 0.25);
  EXPECT_EQ(front[1].tiers[0].members, std::vector{0});
  EXPECT_EQ(front[1].tiers[0].threshold, static_cast<double>(.8f));
  EXPECT_EQ(front[1].tiers[1].threshold, 0.0);
  EXPECT_EQ(front[1].loss, 0.0);
  EXPECT_EQ(front[1].cost, 1.0 + 10.0 / 4);
  EXPECT_EQ(front[1].worst_cost, 11.0);
}

TEST(FindCascades, APoolOfOneAndAPoolOfEqualsHaveOnePoint) {
  Random random(1);
  const Predictions one = test::random_probabilities(random, 1, 20, 3);
  EXPECT_EQ(find_cascades(one, std::vector{2.0}).size(), 1u);
  std::vector<float> rows(20 * 3);
  one.read(0, 0, 20, rows.data());
  const Predictions equal = test::from_rows({rows, rows, rows}, 3, {one.labels().begin(), one.labels().end()});
  for (const Signal signal : {Signal::kConfidence, Signal::kAgreement, Signal::kVoteAgreement}) {
    const CascadeFront front = find_cascades(equal, std::vector{2.0, 2.0, 2.0}, {.signal = signal});
    ASSERT_EQ(front.size(), 1u);
    EXPECT_EQ(front[0].tiers[0].members, std::vector{0});
  }
}

TEST(FindCascades, ManyModelsMakeTiersFromTheBestAndSaySo) {
  Random random(2);
  const Predictions predictions = test::random_probabilities(random, 12, 60, 3);
  const std::vector<double> cost = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CascadeOptions options{.signal = Signal::kAgreement, .max_tiers = 40};
  const CascadeFront few = find_cascades(predictions, cost, options);
  // 12 single models leave room for 28: 5 models make 20 pairs and triples, 6 would make 35.
  EXPECT_THAT(few[0].found_by, HasSubstr(", pool of 5 of 12"));
  options.max_tiers = 512;
  const CascadeFront all = find_cascades(predictions, cost, options);
  EXPECT_EQ(all[0].found_by, "exact");
  EXPECT_LE(all[all.size() - 1].loss, few[few.size() - 1].loss);
}

TEST(FindCascades, RefusesWhatItCannotUse) {
  Random random(3);
  const Predictions predictions = test::random_probabilities(random, 2, 10, 2);
  const auto message_for = [&](std::vector<double> cost, CascadeOptions options, const char* part) {
    EXPECT_THAT([&] { find_cascades(predictions, cost, options); }, ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for({1.0}, {}, "cost has 1 entries, but there are 2 models");
  message_for({1.0, -1.0}, {}, "cost[1] is -1, but must be finite and at least 0");
  message_for({NAN, 1.0}, {}, "cost[0] is nan, but must be finite and at least 0");
  message_for({2.0, 1.5}, {.max_worst_cost = 1.0},
              "max_worst_cost is 1, but must be at least 1.5, the cheapest model's cost");
  message_for({2.0, 1.5}, {.max_worst_cost = NAN}, "max_worst_cost is nan, but must be at least 1.5");
  message_for({1.0, 1.0}, {.max_depth = 0}, "max_depth is 0, but must be from 1 to 64");
  message_for({1.0, 1.0}, {.max_depth = 65}, "max_depth is 65, but must be from 1 to 64");
  message_for({1.0, 1.0}, {.tier_sizes = {3}}, "tier_sizes holds 3, but must be from 1 to 2, the number of models");
  message_for({1.0, 1.0}, {.max_last_size = -1}, "max_last_size is -1, but must be at least 0");
  message_for({1.0, 1.0}, {.max_tiers = 0}, "max_tiers is 0, but must be at least 1");
  message_for({1.0, 1.0}, {.parallelism = 1.5}, "parallelism is 1.5, but must be from 0 to 1");
  message_for({1.0, 1.0}, {.gap = -0.1}, "gap is -0.1, but must be at least 0 and below 1");
  message_for({1.0, 1.0}, {.max_exact_work = NAN}, "max_exact_work is nan, but must be at least 0");
  message_for({1.0, 1.0}, {.max_exact_work = -1.0}, "max_exact_work is -1, but must be at least 0");
  message_for({1.0, 1.0}, {.signal = Signal::kGiven}, "signal is \"given\", but the predictions have no certainty");
  const std::vector<float> values(6, 1.0f);
  const auto regression = Predictions::from_values({{values.data(), nullptr}}, {values.data(), 3, 2});
  EXPECT_THAT([&] { find_cascades(regression, std::vector{1.0}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("predictions hold values, but a cascade needs probabilities")));
}

}  // namespace
}  // namespace quorate
