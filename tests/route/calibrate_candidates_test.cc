#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"
#include "route/stated_sure.h"

namespace quorate {
namespace {

using test::stated_sure;
using test::true_increase;
using test::two_tiers;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Cascade alone(int model, double cost) {
  Cascade cascade;
  cascade.tiers = {{{model}, {1.0}, Signal::kConfidence, 0.0, cost}};
  cascade.cost = cost;
  return cascade;
}

std::size_t distinct(const CascadeFront& front) {
  std::vector<double> thresholds;
  for (const Cascade& cascade : front) thresholds.push_back(cascade.tiers.front().threshold);
  std::sort(thresholds.begin(), thresholds.end());
  return static_cast<std::size_t>(std::unique(thresholds.begin(), thresholds.end()) - thresholds.begin());
}

TEST(CalibrateCandidates, TakesTheCheapestThatIsCertifiedAndPaysForAll) {
  const Predictions calib = stated_sure(1, 5000);
  const std::vector<Cascade> candidates = {alone(0, 1.0), two_tiers(0.8), alone(1, 10.0)};
  // Model 0 alone is the cheapest, but errs in a quarter of the samples.
  const Cascade taken = calibrate(candidates, calib, {.max_loss_increase = 0.03});
  EXPECT_EQ(taken.tiers.size(), 2u);
  EXPECT_TRUE(taken.certificate->holds);
  EXPECT_EQ(taken.certificate->candidates, 3u);
  EXPECT_LT(calibrate(two_tiers(0.8), calib, {.max_loss_increase = 0.03}).tiers[0].threshold, taken.tiers[0].threshold);
  EXPECT_EQ(calibrate(candidates, calib, {.max_loss_increase = 0.2}).tiers, candidates[0].tiers);
  EXPECT_EQ(calibrate(std::span<const Cascade>(candidates).subspan(1, 1), calib), calibrate(candidates[1], calib));
  // Found on the same samples, out of six sequences of tiers; the reference was chosen from as many.
  EXPECT_EQ(calibrate(candidates, calib, {.max_loss_increase = 0.03, .searched = 6}).certificate->candidates, 36u);
  EXPECT_EQ(calibrate(candidates, calib, {.max_loss = 0.15, .searched = 6}).certificate->candidates, 6u);
}

TEST(CalibrateCandidates, FallsBackOnTheReference) {
  const Predictions calib = stated_sure(2, 40);
  const std::vector<Cascade> candidates = {alone(0, 1.0), two_tiers(0.8)};
  const Cascade taken = calibrate(candidates, calib, {.max_loss_increase = 0.01});
  EXPECT_EQ(taken.tiers.size(), 2u);
  EXPECT_EQ(taken.tiers[0].threshold, kNeverStops);
  EXPECT_FALSE(taken.certificate->holds);
  EXPECT_EQ(taken.certificate->reference_loss, evaluate(alone(1, 10.0), calib, std::vector{1.0, 10.0}).loss);
}

// Whatever wins among many that were searched on the same samples, the promise holds.
TEST(CalibrateCandidates, KeepsItsPromiseThoughItSearches) {
  constexpr int kResamples = 150;
  constexpr double kEpsilon = 0.02;
  constexpr double kDelta = 0.1;
  int broken = 0;
  int front_broken = 0;
  int stopped = 0;
  const CascadeFront front = find_cascades(stated_sure(1, 300), std::vector{1.0, 10.0}, {.max_depth = 2});
  ASSERT_GT(distinct(front), 10u);
  ASSERT_EQ(front[front.size() - 1].tiers.back().members, std::vector<int>{1});  // so that true_increase() tells its loss
  for (int i = 0; i < kResamples; ++i) {
    const Predictions calib = stated_sure(9000 + static_cast<std::uint64_t>(i), 1200);
    const CalibrateOptions options{.max_loss_increase = kEpsilon, .delta = kDelta, .threads = 1};
    const auto increase = [](const Cascade& cascade) {
      return cascade.tiers.size() == 1 ? cascade.tiers[0].members[0] == 1 ? 0.0 : 0.15
                                       : true_increase(cascade.tiers[0].threshold);
    };
    const double of_best = increase(front[front.size() - 1]);
    broken += increase(calibrate(std::vector<Cascade>{two_tiers(0.8), two_tiers(0.6), alone(0, 1.0), alone(1, 10.0)}, calib,
                                 options)) > kEpsilon;
    const Cascade taken = calibrate(front, calib, options);
    front_broken += increase(taken) - of_best > kEpsilon;
    stopped += taken.certificate->holds && taken.cost < 9.0;
    EXPECT_LE(taken.certificate->candidates, 3u);
  }
  const double most = kResamples * kDelta + 3 * std::sqrt(kResamples * kDelta * (1 - kDelta));
  EXPECT_LE(broken, most);
  EXPECT_LE(front_broken, most);
  EXPECT_GE(stopped, kResamples / 2);
}

TEST(CalibrateCandidates, AFrontIsComparedWithItsBest) {
  const CascadeFront front = find_cascades(stated_sure(3, 400), std::vector{1.0, 10.0}, {.max_depth = 2});
  const Cascade& best = front[front.size() - 1];
  const Predictions calib = stated_sure(4, 4000);
  const double best_loss = evaluate(best, calib, std::vector{1.0, 10.0}).loss;
  const Cascade taken = calibrate(front, calib, {.max_loss_increase = 0.03});
  ASSERT_TRUE(taken.certificate->holds);
  EXPECT_EQ(taken.certificate->reference_loss, best_loss);
  EXPECT_NEAR(taken.certificate->measured, taken.loss - best_loss, 1e-12);
  EXPECT_LE(taken.certificate->measured, taken.certificate->bound);
  EXPECT_LE(taken.certificate->bound, 0.03);
  EXPECT_LT(taken.cost, evaluate(best, calib, std::vector{1.0, 10.0}).mean_cost);
  // Where nothing can be promised it is the best as it is.
  const Cascade few = calibrate(front, stated_sure(4, 30), {.max_loss_increase = 0.001});
  EXPECT_FALSE(few.certificate->holds);
  EXPECT_EQ(few.certificate->measured, 0.0);
  EXPECT_EQ(few.tiers, best.tiers);
  EXPECT_TRUE(calibrate(front, calib, {.max_loss = 0.2}).certificate->holds);
  EXPECT_FALSE(calibrate(front, calib, {.max_loss = 0.02}).certificate->holds);
  EXPECT_EQ(calibrate(front, calib, {.searched = 2}).certificate->candidates, std::max<std::size_t>(4, front.size()));
  const Cascade plug_in = calibrate(front, calib, {.rule = CalibrationRule::kPlugIn});
  EXPECT_FALSE(plug_in.certificate->holds);
}

TEST(CalibrateCandidates, RefusesNoneAndThoseOfUnknownCost) {
  const Predictions calib = stated_sure(5, 50);
  EXPECT_THAT([&] { calibrate(std::vector<Cascade>{}, calib); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("candidates hold no cascade, but must hold at least 1")));
  EXPECT_THAT(
      [&] {
        calibrate(std::vector<Cascade>{alone(0, 0.0), alone(1, 0.0)}, calib);
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("candidates hold no tier of known cost")));
  EXPECT_THAT(
      [&] {
        calibrate(std::vector<Cascade>{alone(0, 1.0), alone(1, 2.0)}, calib, {.rule = CalibrationRule::kPlain});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("rule is \"plain\", which takes one cascade, but there are 2")));
  EXPECT_THAT(
      [&] {
        calibrate(std::vector<Cascade>{alone(7, 1.0), alone(1, 2.0)}, calib);
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("members[0] is 7, but must be from 0 to 1")));
}

}  // namespace
}  // namespace quorate
