#include "quorate/route/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "oracle/cascade.h"
#include "quorate/core/error.h"
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
  cascade.parallel = true;
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

TEST(Evaluate, EqualsTheOracleForAnyCascade) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const Predictions predictions = test::random_predictions(random, 5, 1 + random.below(600) / (seed % 50 == 0 ? 1 : 40));
    const std::vector<double> cost = test::random_cost(random, 5);
    Cascade cascade;
    cascade.combine = static_cast<Combine>(random.below(2));
    cascade.parallel = random.below(2) == 1;
    for (int m = 0; m < 5;) {
      Tier tier;
      tier.signal = static_cast<Signal>(random.below(3));
      for (std::uint64_t size = 1 + random.below(3); size > 0 && m < 5; --size) tier.members.push_back(m++);
      tier.weights.assign(tier.members.size(), 1.0 / static_cast<double>(tier.members.size()));
      tier.threshold = m < 5 ? static_cast<double>(random.below(10)) / 8 : 0.0;
      cascade.tiers.push_back(tier);
    }
    const CascadeReport report = evaluate(cascade, predictions, cost, static_cast<int>(1 + random.below(3)));
    ASSERT_EQ(oracle::run(cascade, predictions, cost), (oracle::Outcome{report.mean_cost, report.loss})) << "seed " << seed;
    for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
      const std::size_t k = oracle::stopping_tier(cascade, predictions, sample);
      ASSERT_EQ(report.tier[sample], static_cast<int>(k));
      ASSERT_EQ(report.answers[sample], static_cast<int>(oracle::tier_answer(cascade, k, predictions, sample).first));
    }
    ASSERT_LE(report.mean_cost, report.worst_cost);
  }
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

TEST(CascadeReportJson, ReadsBackWhatItWroteAndSaysWhatAHandBroke) {
  const CascadeReport report = evaluate(two_tiers(0.75), four_samples(), std::vector{2.0, 10.0, 99.0});
  EXPECT_EQ(cascade_report_from_json(to_json(report)), report);
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "report.json";
  save(report, path);
  EXPECT_EQ(load_cascade_report(path), report);

  const auto message_for = [&](const std::string& from, const std::string& to, const char* part) {
    std::string text = to_json(report);
    text.replace(text.find(from), from.size(), to);
    EXPECT_THAT([&] { cascade_report_from_json(text, "r.json"); }, ThrowsMessage<FileError>(HasSubstr(part)));
  };
  message_for("\"samples\":4", "\"samples\":5", "tier is [0,0,1,0], but must be an array of 5 entries");
  message_for("\"samples\":4", "\"samples\":0", "samples is 0, but must be at least 1");
  message_for("\"tier\":[0,0,1,0]", "\"tier\":[0,0,2,0]", "tier[2] is 2, but must be from 0 to 1");
  message_for("\"loss\":0.25", "\"loss\":-1", "loss is -1, but must be a number from 0 to 1");
}

}  // namespace
}  // namespace quorate
