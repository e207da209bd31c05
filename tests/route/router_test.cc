#include "quorate/route/router.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "oracle/cascade.h"
#include "quorate/core/error.h"
#include "route/small.h"
#include "route/tails.h"

namespace quorate {
namespace {

using test::refusal;
using ::testing::HasSubstr;

Cascade cascade_of(const std::vector<std::vector<int>>& members, const std::vector<double>& thresholds,
                   Combine combine = Combine::kLast) {
  Cascade cascade;
  for (std::size_t k = 0; k < members.size(); ++k)
    cascade.tiers.push_back({members[k],
                             std::vector<double>(members[k].size(), 1.0 / static_cast<double>(members[k].size())),
                             Signal::kConfidence, k < thresholds.size() ? thresholds[k] : 0.0, 0.0});
  cascade.combine = combine;
  return cascade;
}

TEST(Tails, AreTheCascadesFromEachTierOn) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Predictions predictions = test::random_predictions(random, 4, 1 + random.below(20));
    const std::vector<double> cost = test::random_cost(random, 4);
    Cascade tail = cascade_of({{0}, {1, 2}, {3}}, {random.uniform(), random.uniform()},
                              random.below(2) == 0 ? Combine::kLast : Combine::kMean);
    for (const TailOutcome& outcome : tails(tail, predictions, cost, 1)) {
      const oracle::Outcome slow = oracle::run(tail, predictions, cost);
      double errors = 0.0;
      double spent = 0.0;
      for (std::size_t i = 0; i < predictions.samples(); ++i) {
        errors += outcome.wrong[i];
        spent += outcome.cost[i];
      }
      EXPECT_EQ(errors / static_cast<double>(predictions.samples()), slow.loss);
      EXPECT_NEAR(spent / static_cast<double>(predictions.samples()), slow.cost, 1e-12);
      tail.tiers.erase(tail.tiers.begin());
    }
  }
}

// A cheap tier that is right on easy samples and mostly hands on hard ones, and a dear one.
struct Population {
  Predictions predictions;
  std::vector<double> telling;  // [samples, 1]: about how hard the sample is
  std::vector<double> silent;   // [samples, 2]: noise
};

Population population(std::uint64_t seed, std::size_t samples) {
  Random random(seed);
  std::vector<std::int32_t> votes(2 * samples);
  std::vector<float> confidence(2 * samples);
  std::vector<std::int32_t> labels(samples);
  std::vector<double> telling;
  std::vector<double> silent;
  for (std::size_t i = 0; i < samples; ++i) {
    labels[i] = static_cast<std::int32_t>(random.below(2));
    const double hardness = 2.0 * random.normal();
    const double p = 1 / (1 + std::exp(2 * hardness));
    votes[i] = random.uniform() < 0.5 + 0.5 * p ? labels[i] : 1 - labels[i];
    votes[samples + i] = random.uniform() < 0.95 ? labels[i] : 1 - labels[i];
    confidence[i] = static_cast<float>(std::clamp(p + 0.1 * random.normal(), 0.0, 1.0));
    confidence[samples + i] = 0.9f;
    telling.push_back(hardness + 0.5 * random.normal());
    silent.insert(silent.end(), {random.normal(), random.uniform()});
  }
  return {Predictions::from_votes({votes.data(), 2, samples}, {confidence.data(), 2, samples}, std::move(labels)),
          std::move(telling), std::move(silent)};
}

const Cascade kTwoTiers = cascade_of({{0}, {1}}, {0.8});
const std::vector<double> kCost = {1.0, 3.0};

MatrixView<const double> view(const std::vector<double>& values, std::size_t cols) {
  return {values.data(), values.size() / cols, cols};
}

struct Tried {
  double loss = 0.0;
  double cost = 0.0;
};

Tried try_out(const Router& router, const Predictions& predictions, MatrixView<const double> features) {
  std::vector<std::int32_t> entry(features.rows);
  router.entry(features, entry);
  const std::vector<TailOutcome> outcomes = tails(kTwoTiers, predictions, kCost, 1);
  Tried result;
  for (std::size_t i = 0; i < entry.size(); ++i) {
    const TailOutcome& tail = outcomes[static_cast<std::size_t>(entry[i])];
    result.loss += tail.wrong[i] / static_cast<double>(entry.size());
    result.cost += tail.cost[i] / static_cast<double>(entry.size());
  }
  return result;
}

TEST(Router, BeatsThePlainCascadeWhereFeaturesTellHardness) {
  const Population fit = population(1, 4000);
  const Population fresh = population(2, 4000);
  const Router router = fit_router(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost);
  EXPECT_EQ(router.always, -1);
  Router plain = router;
  plain.always = 0;
  const Tried with = try_out(router, fresh.predictions, view(fresh.telling, 1));
  const Tried without = try_out(plain, fresh.predictions, view(fresh.telling, 1));
  EXPECT_LT(with.cost, 0.92 * without.cost);
  EXPECT_LT(with.loss, without.loss + 0.005);
  EXPECT_NEAR(with.cost, router.cost, 0.1);
  EXPECT_NEAR(with.loss, router.loss, 0.02);
}

TEST(Router, ChangesNothingWhereFeaturesSayNothing) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const Population fit = population(100 + seed, 1000);
    const Population fresh = population(200 + seed, 1000);
    const Router router = fit_router(kTwoTiers, fit.predictions, view(fit.silent, 2), kCost, {.seed = seed});
    Router plain = router;
    plain.always = 0;
    const Tried with = try_out(router, fresh.predictions, view(fresh.silent, 2));
    const Tried without = try_out(plain, fresh.predictions, view(fresh.silent, 2));
    EXPECT_LE(with.cost, without.cost * 1.02);
    EXPECT_LE(with.loss, without.loss + 0.02);
  }
}

TEST(Router, FollowsItsRule) {
  Router router;
  router.entries = {{{1.0, 0.0}, {-1.0, 0.0}, 1.0, 4.0}, {{0.0, 2.0}, {0.0, 0.0}, 3.0, 3.0}};
  router.trade_off = 0.2;
  const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  for (double x = -3.0; x < 3.0; x += 0.01) {
    const double first = sigmoid(x) - 0.2 * (1.0 + 3.0 * sigmoid(-x));
    const double second = sigmoid(2.0) - 0.2 * 3.0;
    EXPECT_EQ(router.entry(std::span(&x, 1)), second > first ? 1 : 0) << x;
  }
  router.entries[1] = router.entries[0];
  const double x = 0.5;
  EXPECT_EQ(router.entry(std::span(&x, 1)), 0) << "ties go to the first tier";
}

TEST(Router, FrontHoldsTradeOffsAndFixedEntries) {
  const Population fit = population(1, 1000);
  const RouterFront front = fit_routers(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost);
  ASSERT_GE(front.size(), 3u);
  const RouterFront again = router_front_from_json(to_json(front));
  ASSERT_EQ(again.size(), front.size());
  for (std::size_t i = 0; i < front.size(); ++i) EXPECT_EQ(again[i], front[i]);
  const Router chosen = fit_router(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost);
  EXPECT_LE(front[0].cost, chosen.cost);
  const Router fixed =
      fit_router(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost, {.trade_off = 0.05, .features_cost = 0.25});
  EXPECT_EQ(fixed.trade_off, 0.05);
  const Router free = fit_router(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost, {.trade_off = 0.05});
  EXPECT_NEAR(fixed.cost, free.cost + 0.25, 1e-12);
}

// A first model that is asked before entering is paid once.
TEST(Router, PaysForTheModelOfItsFeaturesOnce) {
  const Population fit = population(1, 500);
  const std::vector<double> features = answer_features(fit.predictions, 0);
  const std::vector<double> each = [&] {
    std::vector<double> cost(1000, 1.0);
    std::fill(cost.begin() + 500, cost.end(), 3.0);
    return cost;
  }();
  for (const ModelCosts& cost : {ModelCosts(kCost), ModelCosts::of_samples({each.data(), 2, 500})}) {
    const Router router =
        fit_router(kTwoTiers, fit.predictions, view(features, 3), cost, {.trade_off = 0.05, .features_model = 0});
    EXPECT_EQ(router.entries[0].least_cost, 0.0);
    EXPECT_EQ(router.entries[0].most_cost, 3.0);
    const std::vector<double> rest = {0.0, 3.0};
    const Router other =
        fit_router(kTwoTiers, fit.predictions, view(features, 3), rest, {.trade_off = 0.05, .features_cost = 1.0});
    EXPECT_EQ(router, other);
  }
  EXPECT_EQ(refusal<std::invalid_argument>(
                [&] { fit_router(kTwoTiers, fit.predictions, view(features, 3), kCost, {.features_model = 2}); }),
            "features_model is 2, but must be a model, from 0 to 1");
}

TEST(Router, IsTheSameForAnyNumberOfThreads) {
  const Population fit = population(1, 500);
  const auto with = [&](int threads) {
    return fit_router(kTwoTiers, fit.predictions, view(fit.telling, 1), kCost, {.threads = threads});
  };
  EXPECT_EQ(with(1), with(4));
}

TEST(AnswerFeatures, AreScoreMarginEntropyAndClass) {
  const Predictions predictions = test::from_rows({{0.25f, 0.75f, 1.0f, 0.0f}}, 2, {0, 1});
  const std::vector<double> plain = answer_features(predictions, 0);
  ASSERT_EQ(plain.size(), 6u);
  EXPECT_EQ(plain[0], 0.75);
  EXPECT_EQ(plain[1], 0.5);
  EXPECT_NEAR(plain[2], -(0.25 * std::log(0.25) + 0.75 * std::log(0.75)), 1e-12);
  EXPECT_EQ(plain[5], 0.0);
  const std::vector<double> classes = answer_features(predictions, 0, true);
  ASSERT_EQ(classes.size(), 10u);
  EXPECT_EQ(classes[3], 0.0);
  EXPECT_EQ(classes[4], 1.0);
  EXPECT_EQ(classes[8], 1.0);
  EXPECT_EQ(refusal<std::invalid_argument>([&] { answer_features(predictions, 1); }), "model is 1, but must be from 0 to 0");
}

TEST(Router, RefusesWhatMakesNoSense) {
  const Population fit = population(1, 50);
  std::vector<double> features = fit.telling;
  const auto with = [&](const RouterOptions& options) {
    return refusal<std::invalid_argument>(
        [&] { fit_router(kTwoTiers, fit.predictions, view(features, 1), kCost, options); });
  };
  EXPECT_EQ(with({.trade_off = -1.0}), "trade_off is -1, but must be finite and at least 0");
  EXPECT_EQ(with({.max_loss_increase = 2.0}), "max_loss_increase is 2, but must be from 0 to 1");
  EXPECT_EQ(with({.features_cost = -1.0}), "features_cost is -1, but must be finite and at least 0");
  EXPECT_EQ(with({.ridge = 0.0}), "ridge is 0, but must be finite and above 0");
  EXPECT_EQ(with({.folds = 1}), "folds is 1, but must be from 2 to 50, the number of samples");
  const Router router = fit_router(kTwoTiers, fit.predictions, view(features, 1), kCost);
  features[7] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(with({}), "features[7, 0] is nan, but must be finite");
  std::vector<std::int32_t> out(50);
  EXPECT_EQ(refusal<std::invalid_argument>([&] { router.entry(view(features, 1), out); }),
            "features[7, 0] is nan, but must be finite");
  EXPECT_EQ(refusal<std::invalid_argument>([&] { router.entry(std::span(features).first(2)); }),
            "features has 2 columns, but must have 1, as the router was fitted with");
  EXPECT_EQ(refusal<std::invalid_argument>([&] { router.entry(view(features, 2), out); }),
            "features has 2 columns, but must have 1, as the router was fitted with");
  EXPECT_EQ(refusal<std::invalid_argument>([&] { router.entry(view(fit.telling, 1), std::span(out).first(3)); }),
            "out has 3 values, but must have 50, one for each sample");
  features.resize(49);
  EXPECT_EQ(with({}), "features has 49 rows, but must have 50, one for each sample");
}

TEST(Router, RefusesAnEditedFile) {
  Router router;
  router.entries = {{{1.0, 0.0}, {-1.0, 0.0}, 1.0, 4.0}, {{0.0, 2.0}, {0.0, 0.0}, 3.0, 3.0}};
  router.trade_off = 0.25;
  const std::string text = to_json(router);
  EXPECT_EQ(router_from_json(text), router);
  const auto edited = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    return refusal<FileError>([&] { router_from_json(changed, "r.json"); });
  };
  EXPECT_THAT(edited("\"trade_off\": 0.25", "\"trade_off\": -1"), HasSubstr("trade_off is -1, but must be finite"));
  EXPECT_EQ(edited("\"always\": -1", "\"always\": 2"), "r.json: always is 2, but must be from -1 to 1");
  EXPECT_THAT(edited("\"most_cost\": 4.0", "\"most_cost\": 0.5"), HasSubstr("must be finite and at least least_cost, 1"));
  EXPECT_THAT(edited("\"quality\": [\n    1.0,", "\"quality\": [\n    1.0, 2.0,"), HasSubstr("weights, but must have 3"));
  EXPECT_THAT(edited("quorate.router", "quorate.cascade"), HasSubstr("quorate.router"));
  EXPECT_EQ(refusal<std::invalid_argument>([] { check(Router{}); }), "entries is empty, but must hold one for each tier");
  Router odd = router;
  odd.entries[1].go_on[0] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal<std::invalid_argument>([&] { check(odd); }), "entries[1].go_on[0] is inf, but must be finite");
  odd = router;
  odd.entries[0].least_cost = -1.0;
  EXPECT_EQ(refusal<std::invalid_argument>([&] { check(odd); }),
            "entries[0].least_cost is -1, but must be finite and at least 0");
  odd = router;
  odd.entries[0].quality.clear();
  EXPECT_EQ(refusal<std::invalid_argument>([&] { check(odd); }),
            "entries[0].quality is empty, but must hold at least the intercept");
  odd = router;
  odd.always = 5;
  EXPECT_EQ(refusal<std::invalid_argument>([&] { check(odd); }), "always is 5, but must be from -1 to 1");
}

}  // namespace
}  // namespace quorate
