// Rules that guarantee nothing, and data that leave little to calibrate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "route/stated_sure.h"

namespace quorate {
namespace {

using test::stated_sure;
using test::two_tiers;
using ::testing::HasSubstr;

TEST(CalibrationRules, PlugInTakesTheCheapestThatLooksGoodEnough) {
  const Predictions calib = stated_sure(1, 800);
  const Cascade taken = calibrate(two_tiers(0.8), calib, {.max_loss_increase = 0.02, .rule = CalibrationRule::kPlugIn});
  EXPECT_FALSE(taken.certificate->holds);
  EXPECT_THAT(taken.certificate->method, HasSubstr("guarantees nothing"));
  EXPECT_LE(taken.certificate->measured, 0.02);
  EXPECT_GT(taken.certificate->bound, 0.02);
  // Every lower threshold measures worse.
  const double reference = taken.certificate->reference_loss;
  for (double t = 0.5; t < taken.tiers[0].threshold; t += 0.005)
    if (const double loss = evaluate(two_tiers(t), calib, std::vector{1.0, 10.0}).loss; loss != taken.loss) {
      EXPECT_GT(loss - reference, 0.02);
    }
}

TEST(CalibrationRules, PlainAllowsAShareOfWrongAnswersAtEachTier) {
  const Predictions calib = stated_sure(2, 100);
  const Cascade taken = calibrate(two_tiers(0.8), calib, {.max_loss_increase = 0.05, .rule = CalibrationRule::kPlain});
  EXPECT_FALSE(taken.certificate->holds);
  EXPECT_THAT(taken.certificate->method, HasSubstr("guarantees nothing"));
  EXPECT_EQ(taken.certificate->samples, 100u);
  const auto wrong_where_it_stops = [&](double threshold) {
    const CascadeReport report = evaluate(two_tiers(threshold), calib, std::vector{1.0, 10.0});
    int wrong = 0;
    for (std::size_t i = 0; i < 100; ++i) wrong += report.tier[i] == 0 && report.answers[i] != calib.labels()[i];
    return wrong;
  };
  const double threshold = taken.tiers[0].threshold;
  EXPECT_LE(wrong_where_it_stops(threshold), 5);
  EXPECT_GT(wrong_where_it_stops(threshold - 0.05), 5);
  // It looks at a hundred, drawn by the seed, however many there are.
  const Predictions many = stated_sure(3, 5000);
  CalibrateOptions options{.max_loss_increase = 0.05, .rule = CalibrationRule::kPlain};
  const double first = calibrate(two_tiers(0.8), many, options).tiers[0].threshold;
  EXPECT_EQ(calibrate(two_tiers(0.8), many, options).tiers[0].threshold, first);
  options.seed = 1;
  EXPECT_NE(calibrate(two_tiers(0.8), many, options).tiers[0].threshold, first);
  EXPECT_EQ(calibrate(two_tiers(0.8), many, options).certificate->samples, 100u);
  // A tier that may not stop still doesn't; one that never errs always stops.
  EXPECT_EQ(calibrate(two_tiers(2.0), many, options).tiers[0].threshold, kNeverStops);
}

TEST(CalibrateEdges, VotesWithoutConfidenceAreAllOrNothing) {
  Random random(7);
  const Predictions votes = test::random_votes(random, 2, 2000, 2, false);
  const Cascade strict = calibrate(two_tiers(1.0), votes);
  EXPECT_EQ(strict.tiers[0].threshold, kNeverStops);
  EXPECT_FALSE(strict.certificate->holds);
  EXPECT_LE(calibrate(two_tiers(1.0), votes, {.max_loss_increase = 0.3}).tiers[0].threshold, 1.0);
}

TEST(CalibrateEdges, OneTierHasNothingToPromise) {
  const Cascade one = calibrate(as_cascade({{1}, {1.0}}), stated_sure(8, 50));
  EXPECT_TRUE(one.certificate->holds);
  EXPECT_EQ(one.certificate->bound, 0.0);
  // But its error rate can be too high: model 1 errs in a tenth of the samples.
  EXPECT_FALSE(calibrate(as_cascade({{1}, {1.0}}), stated_sure(8, 500), {.max_loss = 0.09}).certificate->holds);
  const Cascade low = calibrate(as_cascade({{1}, {1.0}}), stated_sure(8, 500), {.max_loss = 0.15});
  EXPECT_TRUE(low.certificate->holds);
  EXPECT_LE(low.certificate->bound, 0.15);
}

TEST(CalibrateEdges, AnErrorRateBelowTheReferencesIsNotPromised) {
  const Cascade taken = calibrate(two_tiers(0.8), stated_sure(10, 3000), {.max_loss = 0.05});
  EXPECT_FALSE(taken.certificate->holds);
  EXPECT_EQ(taken.tiers[0].threshold, kNeverStops);
  EXPECT_EQ(taken.certificate->samples_needed, 0u);  // no number of samples helps
  EXPECT_GT(taken.certificate->reference_loss, 0.05);
  EXPECT_GT(taken.certificate->bound, 0.05);
}

TEST(CalibrateEdges, EqualModelsStopAtOnce) {
  Random random(4);
  const Predictions one = test::random_probabilities(random, 1, 1000, 3);
  std::vector<float> scores(1000 * 3);
  one.read(0, 0, 1000, scores.data());
  const std::vector<std::int32_t> labels(one.labels().begin(), one.labels().end());
  const Cascade taken = calibrate(two_tiers(0.9), test::from_rows({scores, scores}, 3, labels));
  EXPECT_TRUE(taken.certificate->holds);
  EXPECT_EQ(taken.cost, 1.0);
  EXPECT_EQ(taken.certificate->measured, 0.0);
}

TEST(CalibrateEdges, MembersThatNeverAgreeStopNowhereAboveTheLeastAgreement) {
  // Two members that always answer differently, with one class for each and labels of a third that no model answers.
  std::vector<float> first;
  std::vector<float> second;
  for (int i = 0; i < 500; ++i) {
    first.insert(first.end(), {1.0f, 0.0f, 0.0f});
    second.insert(second.end(), {0.0f, 1.0f, 0.0f});
  }
  const auto labels_of = [](std::int32_t label) { return std::vector<std::int32_t>(500, label); };
  Cascade cascade;
  cascade.tiers = {{{0, 1}, {0.5, 0.5}, Signal::kVoteAgreement, 0.9, 2.0}, {{2}, {1.0}, Signal::kVoteAgreement, 0.0, 10.0}};
  // The last tier is right, the first never: half of its members agreeing is not enough to stop.
  const Cascade wrong = calibrate(cascade, test::from_rows({first, second, second}, 3, labels_of(1)));
  EXPECT_EQ(wrong.tiers[0].threshold, kNeverStops);
  EXPECT_FALSE(wrong.certificate->holds);
  // A class that nobody answers: all are wrong alike, so stopping loses nothing.
  const Cascade unseen = calibrate(cascade, test::from_rows({first, second, second}, 3, labels_of(2)));
  EXPECT_TRUE(unseen.certificate->holds);
  EXPECT_EQ(unseen.certificate->reference_loss, 1.0);
  EXPECT_EQ(unseen.tiers[0].threshold, 0.5);
}

}  // namespace
}  // namespace quorate
