// The comparison with single models and with the mean of all: figures by hand, verdicts, what equal accuracy costs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quorate/route/evaluate.h"
#include "route/small.h"

namespace quorate {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::size_t kSamples = 400;

// Of two classes, the truth always 0. Model 0 is sure and right on the first 300 samples, unsure and wrong on the others;
// model 1 errs on 40 of the first, model 2 on 20 of the last, model 3 never.
Predictions four_models() {
  std::vector<std::vector<float>> rows(4);
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto add = [&](std::size_t m, float right) { rows[m].insert(rows[m].end(), {right, 1.0f - right}); };
    add(0, i < 300 ? 1.0f : 0.25f);
    add(1, i < 40 ? 0.0f : 1.0f);
    add(2, i < 380 ? 1.0f : 0.0f);
    add(3, 1.0f);
  }
  return test::from_rows(rows, 2, std::vector<std::int32_t>(kSamples, 0));
}

// Model 0 first, model 2 where that is unsure: 20 errors.
Cascade two_tiers() {
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.9}, {{2}, {1.0}, Signal::kConfidence, 0.0}};
  return cascade;
}

const std::vector<double> kCost = {1.0, 2.0, 8.0, 40.0};

TEST(Compare, SaysWhereTheCascadeIsBetterAndCheaper) {
  const CascadeReport report = evaluate(two_tiers(), four_models(), kCost);
  EXPECT_EQ(report.mean_cost, 1.0 + 8.0 * 0.25);
  ASSERT_EQ(report.comparison.size(), 5u);
  const auto& rows = report.comparison;
  EXPECT_EQ(rows[0].loss, 0.25);
  EXPECT_EQ(rows[0].loss_difference.value, -0.2);
  EXPECT_EQ(rows[0].cost_ratio.value, 3.0);
  EXPECT_EQ(rows[0].verdict(), "better, dearer");
  EXPECT_EQ(rows[1].verdict(), "better, dearer");
  EXPECT_EQ(rows[2].verdict(), "same loss, cheaper");
  EXPECT_EQ(rows[2].loss_difference, (Estimate{0.0, 0.0, 0.0}));  // they err on the same samples
  EXPECT_EQ(rows[3].verdict(), "worse, cheaper");
  EXPECT_EQ(rows[4].name, "mean of all");
  EXPECT_EQ(rows[4].mean_cost, 9.0);
  EXPECT_LT(rows[4].cost_ratio.high, 0.5);
  for (const CascadeComparison& row : rows) EXPECT_LE(row.cost_ratio.low, row.cost_ratio.value);
}

TEST(Compare, ComparesEqualCostsAsEqual) {
  const CascadeReport report = evaluate(Ensemble{{2}, {1.0}}, four_models(), kCost);
  EXPECT_EQ(report.comparison[2].cost_ratio, (Estimate{1.0, 1.0, 1.0}));
  EXPECT_EQ(report.comparison[2].verdict(), "same loss, same cost");
  EXPECT_EQ(report.comparison[4].cost_ratio, (Estimate{1.0, 1.0, 1.0}));
}

TEST(Compare, AFreeModelIsInfinitelyCheaperUnlessTheCascadeIsFreeToo) {
  const std::vector<double> cost = {1.0, 0.0, 8.0, 40.0};
  const CascadeComparison row = evaluate(two_tiers(), four_models(), cost).comparison[1];
  EXPECT_EQ(row.cost_ratio, (Estimate{INFINITY, INFINITY, INFINITY}));
  EXPECT_TRUE(row.dearer());
  const CascadeReport free = evaluate(two_tiers(), four_models(), std::vector<double>(4, 0.0));
  for (const CascadeComparison& one : free.comparison) EXPECT_EQ(one.cost_ratio, (Estimate{1.0, 1.0, 1.0}));
}

TEST(Compare, FurtherCostsHaveRatiosOfTheirOwn) {
  EvaluateOptions options;
  options.costs.emplace("usd", ModelCosts(std::vector{0.0, 1.0, 4.0, 100.0}));
  const CascadeReport report = evaluate(two_tiers(), four_models(), kCost, options);
  EXPECT_EQ(report.costs.at("usd").mean.value, 1.0);
  EXPECT_EQ(report.costs.at("usd").worst, 4.0);
  EXPECT_EQ(report.comparison[3].cost_ratios.at("usd").value, 0.01);
  EXPECT_LT(report.comparison[3].cost_ratios.at("usd").low, 0.01);
}

TEST(Compare, ARowDoesNotDependOnTheOtherModels) {
  const CascadeReport report = evaluate(two_tiers(), four_models(), kCost);
  const Predictions all = four_models();
  std::vector<std::vector<float>> rows;
  for (std::size_t m = 0; m < 3; ++m) {
    std::vector<float>& row = rows.emplace_back(kSamples * 2);
    all.read(m, 0, kSamples, row.data());
  }
  const CascadeReport fewer = evaluate(two_tiers(), test::from_rows(rows, 2, std::vector<std::int32_t>(kSamples, 0)),
                                       std::vector<double>(kCost.begin(), kCost.begin() + 3));
  for (std::size_t m = 0; m < 3; ++m) EXPECT_EQ(fewer.comparison[m], report.comparison[m]);
}

TEST(EqualAccuracy, IsTheCheapestSingleModelThatIsNotWorse) {
  const CascadeReport report = evaluate(two_tiers(), four_models(), kCost);
  ASSERT_NE(at_equal_accuracy(report), nullptr);
  EXPECT_EQ(at_equal_accuracy(report)->model, 2);
  EXPECT_EQ(at_equal_accuracy(report)->cost_ratio.value, 3.0 / 8.0);
  EXPECT_EQ(at_equal_accuracy(report, true)->model, 2);  // model 1 errs on 40: the data show the difference

  // A cascade that never errs: no model but model 3 does as well; with few samples others are not shown to be worse.
  Cascade perfect = two_tiers();
  perfect.tiers[1].members = {3};
  EXPECT_EQ(at_equal_accuracy(evaluate(perfect, four_models(), kCost))->model, 3);
  const std::vector<std::size_t> few = {0, 100, 200, 300};
  const CascadeReport small = evaluate(perfect, four_models().take(few), kCost);
  EXPECT_EQ(small.comparison[0].verdict(), "loss undecided, cost undecided");
  EXPECT_EQ(at_equal_accuracy(small)->model, 2);
  EXPECT_EQ(at_equal_accuracy(small, true)->model, 0);
}

TEST(EqualAccuracy, IsNothingWhereEverySingleModelIsWorse) {
  const std::vector<std::size_t> some = {0, 1, 2, 300, 301};
  const Predictions all = four_models().take(some);
  std::vector<std::vector<float>> rows;
  for (const std::size_t m : {0u, 1u}) {
    std::vector<float>& row = rows.emplace_back(10);
    all.read(m, 0, 5, row.data());
  }
  Cascade cascade = two_tiers();
  cascade.tiers[1].members = {1};
  const CascadeReport report = evaluate(cascade, test::from_rows(rows, 2, {0, 0, 0, 0, 0}), std::vector{1.0, 2.0});
  EXPECT_EQ(report.loss, 0.0);
  EXPECT_EQ(at_equal_accuracy(report), nullptr);
  EXPECT_NE(at_equal_accuracy(report, true), nullptr);
  EXPECT_THAT([&] { at_equal_accuracy(evaluate(two_tiers(), four_models(), kCost, 1)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("the report has no comparison: evaluate with compare")));
}

}  // namespace
}  // namespace quorate
