#include "quorate/route/greedy_cascades.h"

#include <gmock/gmock.h>

#include "oracle/greedy_cascade.h"
#include "route/small.h"

namespace quorate {
namespace {

using test::from_rows;
using test::random_cost;
using test::random_predictions;

struct Case {
  Predictions predictions;
  std::vector<double> cost;
  oracle::Pool pool;
  std::size_t reference;
  double epsilon;
  Signal signal;
};

Case random_case(std::uint64_t seed, std::size_t most_models, std::size_t most_samples) {
  Random random(seed, 77);
  const std::size_t models = 1 + random.below(most_models);
  Predictions predictions = random_predictions(random, models, 1 + random.below(most_samples));
  std::vector<double> cost = random_cost(random, models);
  const Signal signal = random.below(2) == 0 ? Signal::kConfidence : Signal::kMargin;
  oracle::Pool pool = oracle::pool_of(predictions, signal);
  return {std::move(predictions),
          std::move(cost),
          std::move(pool),
          random.below(models),
          random.below(3) == 0 ? 0.0 : random.uniform() * 0.5,
          signal};
}

Cascade run(const Case& one, int threads = 1) {
  const CascadeFront front = greedy_cascades(one.predictions, one.cost,
                                             {.signal = one.signal,
                                              .reference = static_cast<int>(one.reference),
                                              .max_loss_increase = {one.epsilon},
                                              .threads = threads});
  EXPECT_EQ(front.size(), 1u);
  return front[0];
}

TEST(GreedyCascades, EqualTheSlowOnesTierByTier) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    const Case one = random_case(seed, 6, 40);
    const oracle::GreedySolution slow = oracle::greedy_cascade(one.pool, one.cost, one.reference, one.epsilon);
    const Cascade fast = run(one);
    ASSERT_EQ(fast.tiers.size(), slow.tiers.size());
    for (std::size_t k = 0; k < slow.tiers.size(); ++k) {
      EXPECT_EQ(fast.tiers[k].members, std::vector<int>{static_cast<int>(slow.tiers[k].model)});
      EXPECT_EQ(fast.tiers[k].threshold, slow.tiers[k].threshold);
    }
    const auto samples = static_cast<double>(one.predictions.samples());
    EXPECT_EQ(fast.loss, oracle::total_errors(one.pool, slow.tiers) / samples);
    EXPECT_NEAR(fast.cost, oracle::total_cost(one.pool, one.cost, slow.tiers) / samples, 1e-12);
  }
}

TEST(GreedyCascades, KeepTheReferencesAccuracyWithinEpsilon) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    const Case one = random_case(seed, 6, 60);
    double errors = 0.0;
    for (const int wrong : one.pool.wrong[one.reference]) errors += wrong;
    EXPECT_LE(run(one).loss, errors / static_cast<double>(one.predictions.samples()) + one.epsilon + 1e-12);
  }
}

TEST(GreedyCascades, CostAtMostFourTimesTheBestOfTheirClass) {
  double worst = 0.0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    const Case one = random_case(seed, 4, 7);
    const oracle::GreedySolution greedy = oracle::greedy_cascade(one.pool, one.cost, one.reference, one.epsilon);
    const double least = oracle::least_cost(one.pool, one.cost, one.reference, one.epsilon, greedy.unanswered);
    const double mine = oracle::total_cost(one.pool, one.cost, greedy.tiers);
    EXPECT_LE(mine, 4 * least + 1e-9);
    if (least > 0) worst = std::max(worst, mine / least);
  }
  EXPECT_GT(worst, 1.0) << "the cases are too easy to test anything";
}

TEST(GreedyCascades, AreTheSameForAnyNumberOfThreads) {
  Random random(5);
  const Predictions predictions = random_predictions(random, 9, 300);
  const std::vector<double> cost = random_cost(random, 9);
  const CascadeFront one = greedy_cascades(predictions, cost, {.threads = 1});
  const CascadeFront four = greedy_cascades(predictions, cost, {.threads = 4});
  ASSERT_EQ(one.size(), four.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], four[i]);
}

TEST(GreedyCascades, HonourDepthAndWorstCost) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Case one = random_case(seed, 6, 40);
    const double dearest = *std::max_element(one.cost.begin(), one.cost.end());
    for (const Cascade& cascade :
         greedy_cascades(one.predictions, one.cost, {.max_worst_cost = dearest * 1.2, .max_depth = 2})) {
      EXPECT_LE(cascade.tiers.size(), 2u);
      EXPECT_LE(cascade.worst_cost, dearest * 1.2);
      EXPECT_THAT(cascade.found_by, ::testing::Not(::testing::HasSubstr("at most 4 times")));
    }
  }
}

// Two cheap specialists and a dear model that is always right: who is sure is right.
TEST(GreedyCascades, AskTheSpecialistsFirst) {
  const std::vector<std::vector<float>> scores = {
      {1, 0, 1, 0, 0.5f, 0.5f, 0.5f, 0.5f}, {0.6f, 0.4f, 0.6f, 0.4f, 0, 1, 0.6f, 0.4f}, {1, 0, 1, 0, 0, 1, 0, 1}};
  const CascadeFront front =
      greedy_cascades(from_rows(scores, 2, {0, 0, 1, 1}), std::vector<double>{1, 1, 10}, {.max_loss_increase = {0.0}});
  ASSERT_EQ(front.size(), 1u);
  const Cascade& cascade = front[0];
  ASSERT_EQ(cascade.tiers.size(), 3u);
  EXPECT_EQ(cascade.tiers[0].members, std::vector<int>{0});
  EXPECT_EQ(cascade.tiers[1].members, std::vector<int>{1});
  EXPECT_EQ(cascade.tiers[2].members, std::vector<int>{2});
  EXPECT_EQ(cascade.loss, 0.0);
  EXPECT_EQ(cascade.cost, 1 + 0.5 + 0.25 * 10);
  EXPECT_EQ(cascade.worst_cost, 12.0);
  EXPECT_EQ(
      cascade.found_by,
      "greedy (Streeter 2018): at most 0 above the error rate of model 2, at most 4 times the least cost of its class");
}

TEST(GreedyCascades, CostsOfEachSampleAreAddedUp) {
  const std::vector<std::vector<float>> scores = {{1, 0, 0.5f, 0.5f}, {1, 0, 0, 1}};
  const std::vector<double> of_samples = {1, 3, 10, 20};
  const CascadeFront front = greedy_cascades(from_rows(scores, 2, {0, 1}), ModelCosts::of_samples({of_samples.data(), 2, 2}),
                                             {.max_loss_increase = {0.0}});
  EXPECT_EQ(front[0].tiers.size(), 2u);
  EXPECT_EQ(front[0].cost, (1 + 3) / 2.0 + 20 / 2.0);
}

TEST(GreedyCascades, RefuseWhatMakesNoSense) {
  Random random(1);
  const Predictions predictions = test::random_probabilities(random, 2, 10, 2);
  const std::vector<double> cost = {1.0, 2.0};
  const auto with = [&](const GreedyCascadeOptions& options) {
    return test::refusal<std::invalid_argument>([&] { greedy_cascades(predictions, cost, options); });
  };
  EXPECT_EQ(with({.reference = 2}), "reference is 2, but must be a model, from 0 to 1");
  EXPECT_EQ(with({.reference = 1, .max_worst_cost = 1.5}),
            "max_worst_cost is 1.5, but must be at least 2, the cost of the reference, model 1");
  EXPECT_EQ(with({.max_worst_cost = 0.5}), "max_worst_cost is 0.5, but must be at least 1, the cost of the cheapest model");
  EXPECT_EQ(with({.max_loss_increase = {0.1, 1.5}}), "max_loss_increase[1] is 1.5, but must be from 0 to 1");
  EXPECT_EQ(with({.max_depth = 0}), "max_depth is 0, but must be from 1 to 64");
  EXPECT_EQ(with({.signal = Signal::kGiven}),
            "signal is \"given\", but the predictions have no certainty: they must come from with_certainty");
  EXPECT_THAT(test::refusal<std::invalid_argument>([&] { greedy_cascades(predictions, std::vector<double>{1.0}); }),
              ::testing::HasSubstr("cost"));
}

}  // namespace
}  // namespace quorate
