// Pools and samples in which there is little to find: every stage answers, or says what is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "quorate/route/calibrate.h"
#include "quorate/route/drift.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "quorate/route/greedy_cascades.h"
#include "quorate/route/router.h"
#include "route/small.h"

namespace quorate {
namespace {

using test::refusal;
using ::testing::HasSubstr;

constexpr Signal kSignals[] = {Signal::kConfidence, Signal::kAgreement, Signal::kVoteAgreement, Signal::kMargin,
                               Signal::kEntropy};
constexpr Combine kCombinations[] = {Combine::kLast, Combine::kMean, Combine::kMajority};

// The chain from the search to the monitor; the front.
CascadeFront chain(const Predictions& predictions, const std::vector<double>& cost, const CascadeOptions& options) {
  CascadeFront front = find_cascades(predictions, cost, options);
  for (const Cascade& found : front) {
    const Cascade cascade = calibrate(found, predictions, {.max_loss_increase = 0.05, .threads = 1});
    const CascadeReport report = evaluate(found, predictions, cost, {.draws = 20, .threads = 1});
    EXPECT_EQ(report.loss, found.loss);
    DriftMonitor monitor(cascade, predictions, {.threads = 1});
    monitor.observe(0, 0.5);
    EXPECT_FALSE(monitor.alarm());
    const std::vector<double> feature(predictions.samples(), 1.0);  // says nothing
    const Router router =
        fit_router(cascade, predictions, {feature.data(), predictions.samples(), 1}, cost, {.folds = 2, .threads = 1});
    EXPECT_EQ(router.always, 0);
  }
  return front;
}

TEST(Degenerate, APoolOfOne) {
  Random random(1);
  const Predictions one = test::random_probabilities(random, 1, 20, 3);
  for (const Signal signal : kSignals)
    for (const Combine combine : kCombinations)
      EXPECT_EQ(chain(one, {2.0}, {.max_depth = 4, .signal = signal, .combine = combine}).size(), 1u);
  EXPECT_EQ(greedy_cascades(one, std::vector{2.0}).size(), 1u);
  EXPECT_EQ(chain(test::random_votes(random, 1, 20, 3, false), {0.0}, {}).size(), 1u);
}

TEST(Degenerate, AllModelsEqual) {
  Random random(2);
  const Predictions one = test::random_probabilities(random, 1, 20, 3);
  std::vector<float> rows(20 * 3);
  one.read(0, 0, 20, rows.data());
  const Predictions equal = test::from_rows({rows, rows, rows}, 3, {one.labels().begin(), one.labels().end()});
  for (const Signal signal : kSignals)
    for (const Combine combine : kCombinations) {
      const CascadeFront front = chain(equal, {2.0, 2.0, 2.0}, {.max_depth = 4, .signal = signal, .combine = combine});
      ASSERT_EQ(front.size(), 1u);
      EXPECT_EQ(front[0].tiers.size(), 1u);
      EXPECT_EQ(front[0].tiers[0].members, std::vector{0});  // of equals the first
    }
  EXPECT_EQ(greedy_cascades(equal, std::vector{2.0, 2.0, 2.0}).size(), 1u);
  const CascadeReport report = evaluate(as_cascade({{0}, {1.0}}), equal, std::vector{2.0, 2.0, 2.0});
  for (const CascadeComparison& row : report.comparison) EXPECT_THAT(row.verdict(), HasSubstr("same loss"));
}

TEST(Degenerate, MembersThatNeverAgree) {
  // Three members with a class each, and one that is always right.
  std::vector<std::vector<float>> scores(4);
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 30; ++i) {
    labels.push_back(i % 3);
    for (int m = 0; m < 4; ++m)
      for (int c = 0; c < 3; ++c) scores[static_cast<std::size_t>(m)].push_back((m == 3 ? i % 3 : m) == c ? 1.0f : 0.0f);
  }
  const Predictions predictions = test::from_rows(scores, 3, labels);
  for (const Signal signal : {Signal::kAgreement, Signal::kVoteAgreement}) {
    const CascadeFront front =
        chain(predictions, {1.0, 1.0, 1.0, 10.0}, {.max_depth = 3, .signal = signal, .tier_sizes = {3}});
    // Always or never is all that such a tier can say: no cascade of it is better than a model alone.
    for (const Cascade& cascade : front) EXPECT_EQ(cascade.tiers.size(), 1u);
    EXPECT_EQ(front[front.size() - 1].loss, 0.0);
  }
}

TEST(Degenerate, LabelsThatNobodyAnswersAndClassesWithoutSamples) {
  Random random(3);
  const Predictions predictions = test::random_probabilities(random, 3, 40, 3);
  std::vector<std::vector<float>> scores;  // a fourth class that no model gives anything
  for (std::size_t m = 0; m < 3; ++m) {
    std::vector<float>& rows = scores.emplace_back();
    for (std::size_t i = 0; i < 40; ++i) {
      for (std::size_t c = 0; c < 3; ++c) rows.push_back(predictions.score(m, i, c));
      rows.push_back(0.0f);
    }
  }
  for (const Signal signal : kSignals)
    for (const Combine combine : kCombinations) {
      const CascadeFront front = chain(test::from_rows(scores, 4, std::vector<std::int32_t>(40, 3)), {1.0, 2.0, 4.0},
                                       {.signal = signal, .combine = combine});
      ASSERT_EQ(front.size(), 1u);  // all err always: the cheapest
      EXPECT_EQ(front[0].loss, 1.0);
      EXPECT_EQ(front[0].tiers[0].members, std::vector{0});
    }
  EXPECT_EQ(greedy_cascades(test::from_rows(scores, 4, std::vector<std::int32_t>(40, 3)), std::vector{1.0, 2.0, 4.0}).size(),
            1u);
}

TEST(Degenerate, ScoresThatAreNotProbabilitiesAreNamed) {
  const auto probabilities = [](float wrong) {
    return refusal<std::invalid_argument>([&] { test::from_rows({{1.0f, 0.0f, wrong, 0.5f}}, 2, {0, 1}); });
  };
  EXPECT_THAT(probabilities(NAN), HasSubstr("the probability of class 0 by model \"0\" on sample 1 is nan, but must be"));
  EXPECT_THAT(probabilities(-0.5f), HasSubstr("is -0.5, but must be"));
  EXPECT_THAT(probabilities(1.5f), HasSubstr("on sample 1 sum to 2, but must sum to 1"));
  const std::vector<std::int32_t> votes = {0, 1};
  const auto confidences = [&](float wrong) {
    const std::vector<float> confidence = {0.5f, wrong};
    return refusal<std::invalid_argument>([&] {
      Predictions::from_votes({votes.data(), 1, 2}, {confidence.data(), 1, 2}, {0, 1});
    });
  };
  for (const float wrong : {NAN, -0.25f, 1.25f})
    EXPECT_THAT(confidences(wrong), HasSubstr("the confidence of model \"0\" on sample 1 is "));
  const Predictions fine = Predictions::from_votes({votes.data(), 1, 2}, {nullptr, 1, 2}, {0, 1});
  for (const float wrong : {NAN, -0.25f, 1.25f}) {
    const std::vector<float> certainty = {0.5f, wrong};
    EXPECT_THAT(refusal<std::invalid_argument>([&] {
                  fine.with_certainty({certainty.data(), 1, 2});
                }),
                HasSubstr("the certainty of model \"0\" on sample 1 is "));
  }
}

TEST(Degenerate, OneSample) {
  Random random(4);
  const Predictions predictions = test::random_probabilities(random, 3, 1, 2);
  const CascadeFront front = find_cascades(predictions, std::vector{1.0, 2.0, 4.0}, {.max_depth = 4});
  EXPECT_GE(front.size(), 1u);
  Cascade three;
  three.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.9}, {{1}, {1.0}, Signal::kConfidence, 0.6}, {{2}, {1.0}}};
  const std::string few = "predictions hold 1 samples, but must hold at least 2, one for each threshold";
  EXPECT_EQ(refusal<std::invalid_argument>([&] { calibrate(three, predictions); }), few);
  EXPECT_EQ(refusal<std::invalid_argument>([&] { calibrate(std::vector{three, three}, predictions); }), few);
}

TEST(Degenerate, NegativeThreadsAreRefusedByEveryStage) {
  Random random(5);
  const Predictions predictions = test::random_probabilities(random, 2, 10, 2);
  const std::vector<double> cost = {1.0, 2.0};
  const Cascade cascade = as_cascade({{0}, {1.0}});
  const std::vector<double> feature(10, 1.0);
  const std::string expected = "threads is -1, but must be at least 0 (0: one for each core)";
  const auto said = [](const auto& call) { return refusal<std::invalid_argument>(call); };
  EXPECT_EQ(said([&] { find_cascades(predictions, cost, {.threads = -1}); }), expected);
  EXPECT_EQ(said([&] { greedy_cascades(predictions, cost, {.threads = -1}); }), expected);
  EXPECT_EQ(said([&] { calibrate(cascade, predictions, {.threads = -1}); }), expected);
  EXPECT_EQ(said([&] { evaluate(cascade, predictions, cost, -1); }), expected);
  EXPECT_EQ(said([&] { DriftMonitor(cascade, predictions, {.threads = -1}); }), expected);
  EXPECT_EQ(said([&] { fit_router(cascade, predictions, {feature.data(), 10, 1}, cost, {.threads = -1}); }), expected);
}

}  // namespace
}  // namespace quorate
