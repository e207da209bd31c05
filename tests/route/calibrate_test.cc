#include "quorate/route/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "route/betting.h"
#include "route/small.h"

namespace quorate {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Model 0 is right with the probability that it states, from 1/2 to 1; model 1 with probability 0.9 always.
Predictions draw(std::uint64_t seed, std::size_t samples) {
  Random random(seed);
  std::vector<std::int32_t> labels(samples);
  std::vector<float> first;
  std::vector<float> second;
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(random.below(2));
    const auto sure = static_cast<float>(0.5 + 0.5 * random.uniform());
    const bool says_one = (label == 1) == (random.uniform() < static_cast<double>(sure));
    first.insert(first.end(), {says_one ? 1 - sure : sure, says_one ? sure : 1 - sure});
    const bool other_says_one = (label == 1) == (random.uniform() < 0.9);
    second.insert(second.end(), {other_says_one ? 0.0f : 1.0f, other_says_one ? 1.0f : 0.0f});
  }
  return test::from_rows({first, second}, 2, std::move(labels));
}

Cascade two_tiers(double threshold) {
  Cascade cascade;
  cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, threshold, 1.0}, {{1}, {1.0}, Signal::kConfidence, 0.0, 10.0}};
  return cascade;
}

// Of that population, with threshold t above 1/2: samples sure in [t, 1] stop and err with 1 - sure instead of 0.1.
double true_increase(double t) {
  const double stopping = std::max(0.0, 1 - t) * 2;
  return t > 1 ? 0.0 : stopping * ((1 - (1 + t) / 2) - 0.1);
}

TEST(Calibrate, KeepsItsPromiseWherePlugInThresholdsBreakIt) {
  constexpr int kResamples = 400;
  constexpr double kDelta = 0.1;
  constexpr double kEpsilon = 0.02;
  const std::vector<double> cost = {1.0, 10.0};
  int broken = 0;
  int plug_in_broken = 0;
  int nothing = 0;
  for (int i = 0; i < kResamples; ++i) {
    const Predictions calib = draw(1000 + static_cast<std::uint64_t>(i), 1500);
    const Cascade certified =
        calibrate(two_tiers(0.8), calib, {.max_loss_increase = kEpsilon, .delta = kDelta, .threads = 1});
    broken += true_increase(certified.tiers[0].threshold) > kEpsilon;
    nothing += !certified.certificate->holds;
    // What every peer does: the lowest threshold whose measured increase is at most epsilon.
    double lowest = kNeverStops;
    const double reference = evaluate(Ensemble{{1}, {1.0}}, calib, cost, 1).loss;
    for (double t = 1.0; t >= 0.5; t -= 0.01) {
      if (evaluate(two_tiers(t), calib, cost, 1).loss - reference > kEpsilon) break;
      lowest = t;
    }
    plug_in_broken += true_increase(lowest) > kEpsilon;
  }
  // Three standard deviations above delta.
  EXPECT_LE(broken, kResamples * kDelta + 3 * std::sqrt(kResamples * kDelta * (1 - kDelta)));
  EXPECT_GE(plug_in_broken, kResamples / 4);
  EXPECT_LE(nothing, kResamples / 20);
}

TEST(Calibrate, CertifiesThresholdsThatStopEarlyAndSaysWhatTheyCameTo) {
  const Predictions calib = draw(1, 4000);
  const Cascade certified = calibrate(two_tiers(0.8), calib, {.max_loss_increase = 0.02, .delta = 0.05});
  const Certificate& certificate = *certified.certificate;
  ASSERT_TRUE(certificate.holds);
  EXPECT_LE(certified.tiers[0].threshold, 0.85);
  EXPECT_EQ(certificate.samples, 4000u);
  EXPECT_LE(certificate.bound, 0.02);
  EXPECT_LT(certificate.measured, certificate.bound);
  EXPECT_EQ(certificate.samples_needed, 0u);
  EXPECT_THAT(certificate.does_not_cover, HasSubstr("another distribution"));
  const CascadeReport report = evaluate(certified, calib, std::vector{1.0, 10.0});
  EXPECT_EQ(certified.loss, report.loss);
  EXPECT_EQ(certified.cost, report.mean_cost);
  EXPECT_NEAR(certificate.measured, report.loss - certificate.reference_loss, 1e-12);
}

TEST(Calibrate, AStricterPromiseStopsLess) {
  const Predictions calib = draw(2, 3000);
  double before = 0.0;
  for (const double epsilon : {0.2, 0.05, 0.02, 0.01}) {
    const double threshold = calibrate(two_tiers(0.8), calib, {.max_loss_increase = epsilon}).tiers[0].threshold;
    EXPECT_GE(threshold, before);
    before = threshold;
  }
  EXPECT_LE(calibrate(two_tiers(0.8), calib, {.delta = 0.5}).tiers[0].threshold,
            calibrate(two_tiers(0.8), calib, {.delta = 0.01}).tiers[0].threshold);
}

TEST(Calibrate, TooFewSamplesCertifyNothingAndSayHowManyWould) {
  const CalibrateOptions options{.max_loss_increase = 0.02, .delta = 0.05};
  const Cascade asked = calibrate(two_tiers(0.8), draw(3, 100), options);
  EXPECT_FALSE(asked.certificate->holds);
  EXPECT_EQ(asked.tiers[0].threshold, kNeverStops);
  EXPECT_EQ(asked.certificate->measured, 0.0);
  EXPECT_EQ(asked.certificate->bound, 0.0);
  EXPECT_EQ(asked.cost, 11.0);
  const std::size_t needed = asked.certificate->samples_needed;
  EXPECT_GT(needed, 100u);
  EXPECT_TRUE(calibrate(two_tiers(0.8), draw(4, 2 * needed), options).certificate->holds);
  // Model 0 alone errs in a quarter of the samples: no number of them makes that 2 % more than a tenth.
  EXPECT_EQ(calibrate(two_tiers(0.1), draw(5, 100), options).certificate->samples_needed, 0u);
}

TEST(Calibrate, MovesAllThresholdsButTheLastTogether) {
  Random random(6);
  const Predictions calib = test::random_probabilities(random, 3, 3000, 3);
  for (const Combine combine : {Combine::kLast, Combine::kMean}) {
    Cascade cascade;
    cascade.combine = combine;
    cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.9}, {{1}, {1.0}, Signal::kConfidence, 0.6}, {{2}, {1.0}}};
    const Cascade certified = calibrate(cascade, calib, {.max_loss_increase = 0.05});
    const auto logit = [](double p) { return std::log(p / (1 - p)); };
    ASSERT_TRUE(certified.certificate->holds);
    EXPECT_NEAR(logit(certified.tiers[0].threshold) - logit(0.9), logit(certified.tiers[1].threshold) - logit(0.6), 1e-6);
    EXPECT_EQ(certified.tiers[2].threshold, 0.0);
    Cascade no_stop = cascade;
    no_stop.tiers[0].threshold = no_stop.tiers[1].threshold = kNeverStops;
    EXPECT_EQ(certified.certificate->reference_loss, evaluate(no_stop, calib, std::vector{1.0, 1.0, 1.0}).loss);
  }
}

TEST(Calibrate, VotesWithoutConfidenceAreAllOrNothing) {
  Random random(7);
  const Predictions votes = test::random_votes(random, 2, 2000, 2, false);
  const Cascade strict = calibrate(two_tiers(1.0), votes);
  EXPECT_EQ(strict.tiers[0].threshold, kNeverStops);
  EXPECT_FALSE(strict.certificate->holds);
  EXPECT_LE(calibrate(two_tiers(1.0), votes, {.max_loss_increase = 0.3}).tiers[0].threshold, 1.0);
}

TEST(Calibrate, OneTierHasNothingToPromise) {
  const Cascade one = calibrate(as_cascade({{1}, {1.0}}), draw(8, 50));
  EXPECT_TRUE(one.certificate->holds);
  EXPECT_EQ(one.certificate->bound, 0.0);
}

TEST(Calibrate, RefusesLevelsOutOfRangeAndForeignModels) {
  const Predictions calib = draw(9, 20);
  const auto message_for = [&](const Cascade& cascade, CalibrateOptions options, const char* part) {
    EXPECT_THAT([&] { calibrate(cascade, calib, options); }, ThrowsMessage<std::invalid_argument>(HasSubstr(part)));
  };
  message_for(two_tiers(0.8), {.max_loss_increase = 0.0}, "max_loss_increase is 0, but must be above 0 and below 1");
  message_for(two_tiers(0.8), {.max_loss_increase = NAN}, "max_loss_increase is nan");
  message_for(two_tiers(0.8), {.delta = 1.0}, "delta is 1, but must be above 0 and below 1");
  message_for(as_cascade({{2}, {1.0}}), {}, "members[0] is 2, but must be from 0 to 1");
  const std::vector<float> values(6, 1.0f);
  const auto regression = Predictions::from_values({{values.data(), nullptr}}, {values.data(), 3, 2});
  EXPECT_THAT(
      [&] {
        calibrate(as_cascade({{0}, {1.0}}), regression);
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("predictions hold values, but a cascade needs probabilities")));
}

TEST(Betting, RejectsATrueHypothesisAtMostDeltaOfTheTime) {
  constexpr double kDelta = 0.1;
  constexpr int kResamples = 4000;
  int rejected = 0;
  int above_bound = 0;
  for (int i = 0; i < kResamples; ++i) {
    Random random(static_cast<std::uint64_t>(i), 1);
    std::vector<std::int8_t> d(300);
    for (std::int8_t& one : d) {
      const double u = random.uniform();
      one = static_cast<std::int8_t>(u < 0.1 ? 1 : u < 0.15 ? -1 : 0);
    }
    rejected += log_capital(d, 0.05, kDelta) >= std::log(1 / kDelta);
    if (i < 500) above_bound += upper_bound(d, kDelta) < 0.05;
  }
  EXPECT_LE(rejected, kResamples * kDelta + 3 * std::sqrt(kResamples * kDelta * (1 - kDelta)));
  EXPECT_GE(rejected, kResamples * kDelta / 4);  // nor is it idle
  EXPECT_LE(above_bound, 500 * kDelta + 3 * std::sqrt(500 * kDelta * (1 - kDelta)));
}

TEST(Betting, BoundIsWhereTheTestTurns) {
  Random random(10);
  std::vector<std::int8_t> d(500);
  for (std::int8_t& one : d) one = static_cast<std::int8_t>(random.below(20) == 0 ? 1 : 0);
  double before = -1.0;
  for (double mean = -1.0; mean < 1.0; mean += 0.01) {
    const double capital = log_capital(d, mean, 0.05);
    EXPECT_GE(capital, before);
    before = capital;
  }
  const double bound = upper_bound(d, 0.05);
  EXPECT_GE(log_capital(d, bound, 0.05), std::log(20.0));
  EXPECT_LT(log_capital(d, bound - 1e-6, 0.05), std::log(20.0));
  EXPECT_EQ(upper_bound(std::vector<std::int8_t>{0}, 0.05), 1.0);
}

TEST(Betting, GrowthIsTheBestConstantBets) {
  // d = 0 always: the largest bet wins its share of epsilon each time.
  const std::vector<std::int8_t> zeros(10, 0);
  EXPECT_NEAR(best_growth(zeros, 0.01), std::log1p(0.75 * 0.01 / 0.99), 1e-9);
  EXPECT_LE(best_growth({std::vector<std::int8_t>{1, 0, 0, 0}}, 0.25), 1e-12);
  std::vector<std::int8_t> d(100, 0);
  d[0] = d[1] = 1;
  double best = 0.0;
  for (double bet = 0.0; bet < 0.75 / 0.9; bet += 1e-5)
    best = std::max(best, (98 * std::log1p(bet * 0.1) + 2 * std::log1p(-bet * 0.9)) / 100);
  EXPECT_NEAR(best_growth(d, 0.1), best, 1e-6);
}

}  // namespace
}  // namespace quorate
