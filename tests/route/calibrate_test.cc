#include "quorate/route/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "oracle/calibrate.h"
#include "quorate/route/evaluate.h"
#include "route/count_test.h"
#include "route/stated_sure.h"

namespace quorate {
namespace {

using test::stated_sure;
using test::true_increase;
using test::two_tiers;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// The most of `trials` that may come true where each does with probability at most p: three standard deviations above.
double at_most(int trials, double p) { return trials * p + 3 * std::sqrt(trials * p * (1 - p)); }

TEST(Calibrate, KeepsItsPromiseWherePlugInThresholdsBreakIt) {
  constexpr int kResamples = 250;
  constexpr double kDelta = 0.1;
  constexpr double kEpsilon = 0.02;
  // Where the true increase reaches epsilon, and what stopping there costs.
  double best = 1.0;
  while (true_increase(best - 1e-4) <= kEpsilon) best -= 1e-4;
  const auto cost = [](double threshold) { return 1.0 + 10.0 * (1 - 2 * std::max(0.0, 1 - threshold)); };
  int broken[3] = {};
  double spent[3] = {};
  const CalibrationRule rules[3] = {CalibrationRule::kExact, CalibrationRule::kBetting, CalibrationRule::kPlugIn};
  for (int i = 0; i < kResamples; ++i) {
    const Predictions calib = stated_sure(1000 + static_cast<std::uint64_t>(i), 1500);
    for (int r = 0; r < 3; ++r) {
      const Cascade taken =
          calibrate(two_tiers(0.8), calib,
                    {.max_loss_increase = kEpsilon, .delta = kDelta, .rule = rules[r], .seed = 5, .threads = 1});
      ASSERT_EQ(taken.certificate->holds, r < 2);
      broken[r] += true_increase(taken.tiers[0].threshold) > kEpsilon;
      spent[r] += cost(taken.tiers[0].threshold) / kResamples;
    }
  }
  EXPECT_LE(broken[0], at_most(kResamples, kDelta));
  EXPECT_LE(broken[1], at_most(kResamples, kDelta));
  EXPECT_GE(broken[0], kResamples * kDelta / 4);  // nor is it idle
  EXPECT_GE(broken[2], kResamples / 4);
  EXPECT_LE(spent[0], 1.15 * cost(best));
  EXPECT_LE(spent[0], spent[1]);
}

TEST(Calibrate, KeepsAnErrorRateThatIsStated) {
  constexpr int kResamples = 300;
  int broken = 0;
  int stopped = 0;
  for (int i = 0; i < kResamples; ++i) {
    const Predictions calib = stated_sure(5000 + static_cast<std::uint64_t>(i), 1000);
    const Cascade taken = calibrate(two_tiers(0.8), calib, {.max_loss = 0.12, .delta = 0.1, .threads = 1});
    broken += 0.1 + true_increase(taken.tiers[0].threshold) > 0.12;
    stopped += taken.certificate->holds;
    EXPECT_EQ(taken.certificate->measured, taken.loss);
    EXPECT_EQ(taken.certificate->max_loss, 0.12);
  }
  EXPECT_LE(broken, at_most(kResamples, 0.1));
  EXPECT_GE(stopped, kResamples / 2);
}

// The fast walk takes what trying each certainty afresh takes.
TEST(Calibrate, IsTheSlowSearchOfOneThreshold) {
  Random random(11);
  int stopped = 0;
  for (int i = 0; i < 300; ++i) {
    const std::size_t samples = 30 + random.below(300);
    const Predictions calib = test::random_predictions(random, 2, samples);
    const double epsilon = 0.02 + 0.2 * random.uniform();
    const Cascade cascade = two_tiers(random.uniform());
    const std::vector<TierTrace> tiers = trace(cascade, calib, 1);
    std::size_t better = 0;
    for (std::size_t sample = 0; sample < samples; ++sample) better += tiers[1].wrong[sample] > tiers[0].wrong[sample];
    const CountTest count_test(samples, epsilon, 0.99 * 0.2, share_upper_bound(samples, better, 0.01 * 0.2));
    const double threshold = calibrate(cascade, calib, {.max_loss_increase = epsilon, .delta = 0.2}).tiers[0].threshold;
    EXPECT_EQ(threshold, oracle::lowest_threshold(
                             tiers, [&](std::size_t worse, std::size_t fewer) { return count_test.rejects(worse, fewer); }));
    stopped += threshold <= 1.0;
  }
  EXPECT_GT(stopped, 100);
}

TEST(Calibrate, CertifiesThresholdsThatStopEarlyAndSaysWhatTheyCameTo) {
  const Predictions calib = stated_sure(1, 4000);
  const Cascade certified = calibrate(two_tiers(0.9), calib, {.max_loss_increase = 0.02, .delta = 0.05});
  const Certificate& certificate = *certified.certificate;
  ASSERT_TRUE(certificate.holds);
  EXPECT_LE(certified.tiers[0].threshold, 0.85);
  EXPECT_EQ(certificate.samples, 4000u);
  EXPECT_EQ(certificate.candidates, 1u);
  EXPECT_EQ(certificate.max_loss, std::nullopt);
  EXPECT_LE(certificate.bound, 0.02);
  EXPECT_GE(certificate.bound, 0.019);
  EXPECT_LT(certificate.measured, certificate.bound);
  EXPECT_EQ(certificate.samples_needed, 0u);
  EXPECT_THAT(certificate.does_not_cover, HasSubstr("another distribution"));
  const CascadeReport report = evaluate(certified, calib, std::vector{1.0, 10.0});
  EXPECT_EQ(certified.loss, report.loss);
  EXPECT_EQ(certified.cost, report.mean_cost);
  EXPECT_NEAR(certificate.measured, report.loss - certificate.reference_loss, 1e-12);
}

TEST(Calibrate, AStricterPromiseStopsLess) {
  const Predictions calib = stated_sure(2, 3000);
  double before = 0.0;
  for (const double epsilon : {0.2, 0.05, 0.02, 0.01}) {
    const double threshold = calibrate(two_tiers(0.8), calib, {.max_loss_increase = epsilon}).tiers[0].threshold;
    EXPECT_GE(threshold, before);
    before = threshold;
  }
  EXPECT_LE(calibrate(two_tiers(0.8), calib, {.delta = 0.5}).tiers[0].threshold,
            calibrate(two_tiers(0.8), calib, {.delta = 0.01}).tiers[0].threshold);
  // Paying for a search that was made on the same samples costs.
  EXPECT_LT(calibrate(two_tiers(0.8), calib).tiers[0].threshold,
            calibrate(two_tiers(0.8), calib, {.searched = 300}).tiers[0].threshold);
}

TEST(Calibrate, TooFewSamplesCertifyNothingAndSayHowManyWould) {
  const CalibrateOptions options{.max_loss_increase = 0.02, .delta = 0.05};
  const Cascade asked = calibrate(two_tiers(0.85), stated_sure(3, 100), options);
  EXPECT_FALSE(asked.certificate->holds);
  EXPECT_EQ(asked.tiers[0].threshold, kNeverStops);
  EXPECT_EQ(asked.certificate->measured, 0.0);
  EXPECT_EQ(asked.certificate->bound, 0.0);
  EXPECT_EQ(asked.cost, 11.0);
  const std::size_t needed = asked.certificate->samples_needed;
  EXPECT_GT(needed, 100u);
  // Model 0 alone errs in a quarter of the samples: no number of them makes that 2 % more than a tenth.
  EXPECT_EQ(calibrate(two_tiers(0.1), stated_sure(5, 100), options).certificate->samples_needed, 0u);
  // From many samples the estimate is right: four times out of five that many certify what was asked.
  const CalibrateOptions strict{.max_loss_increase = 0.01, .delta = 1e-12};
  const std::size_t estimate = calibrate(two_tiers(0.82), stated_sure(6, 15000), strict).certificate->samples_needed;
  ASSERT_GT(estimate, 15000u);
  int certified = 0;
  for (std::uint64_t i = 0; i < 8; ++i)
    certified += calibrate(two_tiers(0.82), stated_sure(100 + i, estimate), strict).tiers[0].threshold <= 0.82;
  EXPECT_GE(certified, 4);
}

TEST(Calibrate, MovesAllThresholdsButTheLastTogether) {
  Random random(6);
  const Predictions calib = test::random_probabilities(random, 3, 3000, 3);
  for (const Combine combine : {Combine::kLast, Combine::kMean, Combine::kMajority}) {
    Cascade cascade;
    cascade.combine = combine;
    cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.9}, {{1}, {1.0}, Signal::kConfidence, 0.6}, {{2}, {1.0}}};
    const double epsilon = combine == Combine::kMajority ? 0.2 : 0.05;
    const Cascade certified = calibrate(cascade, calib, {.max_loss_increase = epsilon});
    const auto logit = [](double p) { return std::log(p / (1 - p)); };
    ASSERT_TRUE(certified.certificate->holds);
    EXPECT_NEAR(logit(certified.tiers[0].threshold) - logit(0.9), logit(certified.tiers[1].threshold) - logit(0.6), 1e-6);
    EXPECT_EQ(certified.tiers[2].threshold, 0.0);
    Cascade no_stop = cascade;
    no_stop.tiers[0].threshold = no_stop.tiers[1].threshold = kNeverStops;
    EXPECT_EQ(certified.certificate->reference_loss, evaluate(no_stop, calib, std::vector{1.0, 1.0, 1.0}).loss);
    // A tier that may not stop still doesn't, and a search on the same samples starts from equal thresholds.
    EXPECT_EQ(calibrate(no_stop, calib).tiers[1].threshold, kNeverStops);
    const Cascade searched = calibrate(cascade, calib, {.max_loss_increase = 0.1, .searched = 6});
    EXPECT_NEAR(searched.tiers[0].threshold, searched.tiers[1].threshold, 1e-9);
    EXPECT_EQ(searched.certificate->candidates, 6u);
  }
}

TEST(Calibrate, SameForAnyNumberOfThreads) {
  const Predictions calib = stated_sure(12, 3000);
  EXPECT_EQ(calibrate(two_tiers(0.8), calib, {.threads = 1}), calibrate(two_tiers(0.8), calib, {.threads = 4}));
}

TEST(Calibrate, RefusesLevelsOutOfRangeAndForeignModels) {
  const Predictions calib = stated_sure(9, 20);
  const auto message_for = [&](const Cascade& cascade, CalibrateOptions options, const char* part) {
    EXPECT_THAT([&] { calibrate(cascade, calib, options); }, ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for(two_tiers(0.8), {.max_loss_increase = 0.0}, "max_loss_increase is 0, but must be above 0 and below 1");
  message_for(two_tiers(0.8), {.max_loss_increase = NAN}, "max_loss_increase is nan");
  message_for(two_tiers(0.8), {.max_loss = 1.5}, "max_loss is 1.5, but must be above 0 and below 1");
  message_for(two_tiers(0.8), {.max_loss_increase = 0.01, .max_loss = 0.1},
              "max_loss_increase is 0.01 and max_loss is 0.1, but only one of them can be promised");
  message_for(two_tiers(0.8), {.delta = 1.0}, "delta is 1, but must be above 0 and below 1");
  message_for(two_tiers(0.8), {.searched = 0}, "searched is 0, but must be at least 1");
  message_for(as_cascade({{2}, {1.0}}), {}, "members[0] is 2, but must be from 0 to 1");
  EXPECT_THAT([] { calibration_rule_from_string("grid"); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("rule is \"grid\", but must be one of: exact, betting, plug_in, plain")));
  for (const char* name : {"exact", "betting", "plug_in", "plain"})
    EXPECT_EQ(to_string(calibration_rule_from_string(name)), name);

  Random random(3);
  const Predictions one = test::random_probabilities(random, 3, 1, 2);
  Cascade three;
  three.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.9}, {{1}, {1.0}, Signal::kConfidence, 0.6}, {{2}, {1.0}}};
  EXPECT_THAT([&] { calibrate(three, one); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("predictions hold 1 samples, but must hold at least 2, one for each threshold")));
  const std::vector<float> values(6, 1.0f);
  const auto regression = Predictions::from_values({{values.data(), nullptr}}, {values.data(), 3, 2});
  EXPECT_THAT(
      [&] {
        calibrate(as_cascade({{0}, {1.0}}), regression);
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("predictions hold values, but a cascade needs probabilities")));
}

}  // namespace
}  // namespace quorate
