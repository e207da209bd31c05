#include "quorate/route/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "route/small.h"

namespace quorate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Predictions four_samples() {
  return test::from_rows(
      {{.75f, .25f, .25f, .75f, .5f, .5f, .25f, .75f}, {1, 0, 1, 0, 0, 1, 0, 1}, {1, 0, 1, 0, 1, 0, 1, 0}}, 2, {0, 0, 1, 1});
}

Cascade two_tiers(double threshold) {
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, threshold}, {{1}, {1.0}, Signal::kConfidence, 0.0}};
  return cascade;
}

TEST(Evaluate, SaysWhoAnsweredWhatAtWhichCost) {
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0});
  EXPECT_THAT(report.tier, ElementsAre(0, 0, 1, 0));
  EXPECT_THAT(report.answers, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(report.reach, ElementsAre(1.0, 0.25, 0.0));
  EXPECT_THAT(report.demand, report.reach);
  EXPECT_THAT(report.tier_share, ElementsAre(0.75, 0.25));
  EXPECT_EQ(report.samples, 4u);
  EXPECT_EQ(report.accuracy, 0.75);
  EXPECT_EQ(report.loss, 0.25);
  EXPECT_EQ(report.mean_cost, 4.5);
  EXPECT_EQ(report.worst_cost, 12.0);
}

TEST(Evaluate, DemandsOneSampleOfAModelThatNobodyReached) {
  const CascadeReport report = evaluate(two_tiers(0.0), four_samples(), std::vector{2.0, 10.0, 99.0});
  EXPECT_THAT(report.reach, ElementsAre(1.0, 0.0, 0.0));
  EXPECT_THAT(report.demand, ElementsAre(1.0, 0.25, 0.0));
}

TEST(Evaluate, ParallelTiersCostTheirDearestMember) {
  const Predictions predictions = four_samples();
  const std::vector<double> cost = {1.0, 2.0, 4.0};
  Cascade cascade = as_cascade({{0, 1, 2}, {0.5, 0.25, 0.25}});
  EXPECT_EQ(evaluate(cascade, predictions, cost).mean_cost, 7.0);
  cascade.parallelism = 1.0;
  EXPECT_EQ(evaluate(cascade, predictions, cost).mean_cost, 4.0);
  EXPECT_EQ(evaluate(Ensemble{{0, 2}, {0.5, 0.5}}, predictions, cost).worst_cost, 5.0);
}

TEST(Evaluate, GivesWilsonsInterval) {
  // 81 of 263 by hand: 0.2553 to 0.3662 (Newcombe 1998, table I).
  std::vector<float> rows;
  for (int i = 0; i < 263; ++i) rows.insert(rows.end(), {i < 81 ? 1.0f : 0.0f, i < 81 ? 0.0f : 1.0f});
  const CascadeReport report =
      evaluate(Ensemble{{0}, {1.0}}, test::from_rows({rows}, 2, std::vector<int>(263, 0)), std::vector{1.0});
  EXPECT_NEAR(report.accuracy_low, 0.2553, 5e-5);
  EXPECT_NEAR(report.accuracy_high, 0.3662, 5e-5);
  const CascadeReport perfect = evaluate(Ensemble{{0}, {1.0}}, test::from_rows({{1, 0, 1, 0}}, 2, {0, 0}), std::vector{1.0});
  EXPECT_EQ(perfect.accuracy_high, 1.0);
  EXPECT_GT(perfect.accuracy_low, 0.3);
  EXPECT_LT(perfect.accuracy_low, 0.4);
}

TEST(Evaluate, RefusesCostsAndCascadesThatDoNotFit) {
  const Predictions predictions = four_samples();
  EXPECT_THAT([&] { evaluate(two_tiers(0.5), predictions, std::vector{1.0}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("cost has 1 entries, but there are 3 models")));
  EXPECT_THAT(
      [&] {
        evaluate(two_tiers(0.5), predictions, std::vector<double>{1.0, INFINITY, 1.0});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("cost[1] is inf, but must be finite")));
  EXPECT_THAT(
      [&] {
        evaluate(Ensemble{{3}, {1.0}}, predictions, std::vector{1.0, 1.0, 1.0});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("members[0] is 3, but must be from 0 to 2")));
  const std::vector<float> values(6, 1.0f);
  const auto regression = Predictions::from_values({{values.data(), nullptr}}, {values.data(), 3, 2});
  EXPECT_THAT(
      [&] {
        evaluate(Ensemble{{0}, {1.0}}, regression, std::vector{1.0});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("predictions hold values, but a cascade needs probabilities")));
}

TEST(Evaluate, ShowsEachClass) {
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0});
  ASSERT_EQ(report.per_class.size(), 2u);
  EXPECT_EQ(report.per_class[0].samples, 2u);
  EXPECT_EQ(report.per_class[0].answered, 1u);
  EXPECT_EQ(report.per_class[0].accuracy, 0.5);
  EXPECT_EQ(report.per_class[0].mean_cost, 2.0);
  EXPECT_EQ(report.per_class[1].answered, 3u);
  EXPECT_EQ(report.per_class[1].accuracy, 1.0);
  EXPECT_EQ(report.per_class[1].mean_cost, 7.0);
  EXPECT_THAT(report.per_class[1].tier_share, ElementsAre(0.5, 0.5));
}

TEST(Evaluate, AnswersForClassesThatNobodyPredictsAndForClassesWithoutSamples) {
  // The truth is class 1 alone, everybody says 0, and nobody has heard of 2.
  const CascadeReport report =
      evaluate(Ensemble{{0}, {1.0}}, test::from_rows({{1, 0, 0, 1, 0, 0}}, 3, {1, 1}), std::vector{3.0});
  EXPECT_EQ(report.accuracy, 0.0);
  EXPECT_EQ(report.per_class[0], (ClassReport{0, 2, 0.0, 0.0, 1.0, 0.0, {0.0}}));
  EXPECT_EQ(report.per_class[1].samples, 2u);
  EXPECT_EQ(report.per_class[1].answered, 0u);
  EXPECT_EQ(report.per_class[1].accuracy, 0.0);
  EXPECT_GT(report.per_class[1].accuracy_high, 0.6);
  EXPECT_LT(report.per_class[1].accuracy_high, 0.7);
  EXPECT_EQ(report.per_class[2], (ClassReport{0, 0, 0.0, 0.0, 1.0, 0.0, {0.0}}));
}

TEST(Evaluate, CountsWhatIsSentBetweenTiers) {
  const EvaluateOptions options{.bytes_to_tier = {10.0, 600.0}};
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0}, options);
  EXPECT_EQ(report.bytes_per_sample.value, 160.0);
  EXPECT_EQ(report.bytes_to_last, 610.0);
  EXPECT_EQ(report.bytes_ratio(), 160.0 / 610.0);
  EXPECT_EQ(report.bytes_per_sample.low, 10.0);
  EXPECT_EQ(evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0}).bytes_ratio(), 0.0);
}

TEST(Evaluate, StartsWhereARouterSays) {
  EvaluateOptions options{.entry = {1, 0, 0, 1}};
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0}, options);
  EXPECT_THAT(report.tier, ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(report.answers, ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(report.reach, ElementsAre(0.5, 0.75, 0.0));
  EXPECT_EQ(report.mean_cost, 2.0 * 0.5 + 10.0 * 0.75);
  EXPECT_EQ(report.worst_cost, 12.0);
  options.entry = {1, 1, 1, 1};
  EXPECT_EQ(evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0}, options).worst_cost, 10.0);
}

TEST(Evaluate, TakesCostsOfEachSample) {
  const std::vector<double> each = {1, 2, 3, 4, 10, 20, 30, 40, 0, 0, 0, 0};
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), ModelCosts::of_samples({each.data(), 3, 4}));
  EXPECT_EQ(report.mean_cost, (1 + 2 + 3 + 4 + 30) / 4.0);
  EXPECT_EQ(report.worst_cost, 44.0);  // had the last sample gone on
  EXPECT_LT(report.mean_cost_low, report.mean_cost);
  EXPECT_EQ(report.comparison[1].mean_cost, 25.0);
  EXPECT_EQ(report.comparison[2].cost_ratio.value, INFINITY);
}

TEST(Evaluate, RefusesOptionsThatDoNotFit) {
  const auto message_for = [](const EvaluateOptions& options, const char* part) {
    EXPECT_THAT(
        [&] {
          evaluate(two_tiers(0.5), four_samples(), std::vector{2.0, 10.0, 99.0}, options);
        },
        ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for({.draws = -1}, "draws is -1, but must be at least 0 (0: no intervals)");
  message_for({.level = 1.0}, "level is 1, but must be above 0 and below 1");
  message_for({.level = NAN}, "level is nan, but must be above 0 and below 1");
  message_for({.threads = -2}, "threads is -2, but must be at least 0");
  message_for({.bytes_to_tier = {1.0}}, "bytes_to_tier has 1 entries, but the cascade has 2 tiers");
  message_for({.bytes_to_tier = {1.0, -1.0}}, "bytes_to_tier[1] is -1, but must be finite and at least 0");
  message_for({.entry = {0, 0}}, "entry has 2 entries, but there are 4 samples");
  message_for({.entry = {0, 0, 2, 0}}, "entry[2] is 2, but must be a tier, from 0 to 1");
  message_for({.entry = {0, -1, 0, 0}}, "entry[1] is -1, but must be a tier, from 0 to 1");
  const auto with_cost = [](const char* name, const ModelCosts& cost) {
    EvaluateOptions options;
    options.costs.emplace(name, cost);
    return options;
  };
  message_for(with_cost("usd", std::vector{1.0}), "costs[\"usd\"] has 1 entries, but there are 3 models");
  message_for(with_cost("usd", std::vector{1.0, -2.0, 1.0}), "costs[\"usd\"][1] is -2, but must be finite and at least 0");
  message_for(with_cost("", std::vector{1.0, 1.0, 1.0}), "costs has an entry without a name");
  const std::vector<double> each(6, 1.0);
  message_for(with_cost("usd", ModelCosts::of_samples({each.data(), 3, 2})),
              "costs[\"usd\"] has shape [3, 2], but there are 3 models and 4 samples");
}

}  // namespace
}  // namespace quorate
