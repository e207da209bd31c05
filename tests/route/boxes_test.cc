#include "route/boxes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/deep_cascades.h"
#include "quorate/route/evaluate.h"
#include "route/small.h"
#include "select/cpu.h"

namespace quorate {
namespace {

struct BoxProblem {
  Predictions predictions;
  std::vector<double> cost;
  CascadeOptions options;
  TierPool pool;
  double gap = 0.0;
  BoxGrid grid;

  BoxProblem(Random& random, Predictions predictions_, std::vector<double> cost_)
      : predictions(std::move(predictions_)), cost(std::move(cost_)) {
    const auto models = static_cast<int>(predictions.models());
    options.signal = static_cast<Signal>(random.below(3));
    options.combine = static_cast<Combine>(random.below(3));
    if (random.below(2) == 0) options.combine = Combine::kLast;
    options.tier_sizes = {1};
    if (random.below(3) == 0 && models >= 2) options.tier_sizes = {1 + static_cast<int>(random.below(2)), 2};
    options.threads = static_cast<int>(1 + random.below(3));
    pool = make_tiers(predictions, cost, options);
    grid.fine = std::size_t{1} << random.below(5);
    grid.coarse = grid.fine << random.below(5);
  }

  Search search(Random& random) const {
    Search result{predictions, pool, std::numeric_limits<double>::infinity(), options.threads, options.combine};
    if (random.below(3) == 0) result.max_worst_cost = static_cast<double>(5 + random.below(20)) / 10;
    if (random.below(3) == 0) {
      MeanLimit limit{{}, static_cast<double>(random.below(20)) / 10};
      for (std::size_t tier = 0; tier < pool.tiers.size(); ++tier)
        limit.of_tier.push_back(static_cast<double>(random.below(10)) / 10);
      result.mean_limits.push_back(std::move(limit));
    }
    return result;
  }
};

BoxProblem random_problem(Random& random, std::size_t models, std::size_t most_samples) {
  return {random, test::random_predictions(random, models, 1 + random.below(most_samples)),
          test::random_cost(random, models)};
}

// Certainties that all differ and rank well; models of different strength.
Predictions graded(Random& random, std::size_t models, std::size_t samples) {
  std::vector<std::int32_t> votes(models * samples);
  std::vector<float> confidence(models * samples);
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const double ease = random.normal();
    for (std::size_t model = 0; model < models; ++model) {
      const double logit = 0.3 + 0.5 * static_cast<double>(model) + 1.5 * ease + random.normal();
      const double p = 1.0 / (1.0 + std::exp(-logit));
      votes[model * samples + sample] = random.uniform() < p ? 1 : 0;
      confidence[model * samples + sample] = static_cast<float>(p);
    }
  }
  return Predictions::from_votes({votes.data(), models, samples}, {confidence.data(), models, samples},
                                 std::vector<std::int32_t>(samples, 1));
}

void expect_same(const FoundFront& found, const FoundFront& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].errors, expected[i].errors);
    EXPECT_EQ(found[i].cost, expected[i].cost);
    EXPECT_EQ(found[i].loss, expected[i].loss);
    EXPECT_EQ(found[i].tiers, expected[i].tiers);
    EXPECT_EQ(found[i].thresholds, expected[i].thresholds);
  }
}

FoundFront shallower(const Search& search, std::size_t depth) {
  FoundFront front;
  for (std::size_t d = 1; d < depth; ++d) front = oracle::with_all(search, front, d);
  return front;
}

TEST(Boxes, EqualBruteForceAtDepthTwoAndThree) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Random random(seed);
    const BoxProblem problem = random_problem(random, 2 + random.below(3), 10);
    const Search search = problem.search(random);
    const std::size_t depth = 2 + std::min<std::size_t>(1, random.below(4));
    // Without the shallower cascades on the front too: then those of which a tier answers all that reach it are found.
    const FoundFront front = random.below(2) == 0 ? shallower(search, depth) : FoundFront();
    expect_same(exact(search, front, depth, 0.0, problem.grid), oracle::with_all(search, front, depth));
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Boxes, EqualBruteForceAtDepthFour) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const BoxProblem problem = random_problem(random, 4, 8);
    const Search search = problem.search(random);
    const FoundFront front = random.below(2) == 0 ? shallower(search, 4) : FoundFront();
    expect_same(exact(search, front, 4, 0.0, problem.grid), oracle::with_all(search, front, 4));
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Boxes, EqualBruteForceWithManyThresholds) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Random random(seed);
    const std::size_t depth = 3 + seed % 2;
    BoxProblem problem(random, graded(random, depth, depth == 3 ? 150 : 24), {0.1, 0.25, 0.6, 1.7});
    problem.cost.resize(depth);
    problem.options = {};
    problem.pool = make_tiers(problem.predictions, problem.cost, problem.options);
    const Search search{problem.predictions, problem.pool, std::numeric_limits<double>::infinity(), 2};
    const FoundFront front = shallower(search, depth);
    expect_same(exact(search, front, depth, 0.0, problem.grid), oracle::with_all(search, front, depth));
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Boxes, KeepTheGap) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::size_t depth = 3 + random.below(2);
    const BoxProblem problem = random_problem(random, 4, 12);
    const Search search = problem.search(random);
    const double gap = random.uniform() / 2;
    const FoundFront front = shallower(search, 3);
    const FoundFront found = exact(search, front, depth, gap, problem.grid);
    for (const Found& other : oracle::all_cascades(search, depth))
      EXPECT_TRUE(
          std::any_of(found.begin(), found.end(),
                      [&](const Found& one) { return one.cost <= other.cost && one.loss <= other.loss + gap + 1e-12; }))
          << "seed " << seed;
  }
}

TEST(Boxes, DoNotDependOnThreadsOrVectors) {
  const VectorWidth widest = vector_width();
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    Random random(seed);
    const std::size_t depth = 3 + seed % 2;
    const double gap = depth == 4 ? 0.01 : 0.0;
    BoxProblem problem(random, graded(random, 5, depth == 3 ? 2000 : 400), {0.1, 0.25, 0.6, 1.7, 5.0});
    problem.options = {};
    problem.pool = make_tiers(problem.predictions, problem.cost, problem.options);
    Search search{problem.predictions, problem.pool, std::numeric_limits<double>::infinity(), 1};
    const FoundFront front = exact(search, FoundFront(), 2, 0.0);
    const FoundFront expected = exact(search, front, depth, gap);
    for (const VectorWidth width : {VectorWidth::k128, VectorWidth::k256, VectorWidth::k512}) {
      if (width > widest) continue;
      vector_width() = width;
      search.threads = 1 + static_cast<int>(width);
      expect_same(exact(search, front, depth, gap), expected);
    }
    vector_width() = widest;
  }
}

TEST(Boxes, AreWhatEvaluateSays) {
  Random random(3);
  BoxProblem problem(random, graded(random, 5, 500), {0.1, 0.25, 0.6, 1.7, 5.0});
  problem.options = {};
  problem.options.combine = Combine::kMean;
  problem.pool = make_tiers(problem.predictions, problem.cost, problem.options);
  for (const Combine combine : {Combine::kLast, Combine::kMean}) {
    const Search search{problem.predictions, problem.pool, std::numeric_limits<double>::infinity(), 2, combine};
    for (const Found& found : exact(search, FoundFront(), 3, 0.0)) {
      Cascade cascade;
      cascade.combine = combine;
      for (std::size_t k = 0; k < 3; ++k) {
        cascade.tiers.push_back(problem.pool.tiers[found.tiers[k]]);
        cascade.tiers.back().threshold = k < 2 ? found.thresholds[k] : 0.0;
      }
      const CascadeReport report = evaluate(cascade, problem.predictions, problem.cost, 1);
      ASSERT_EQ(report.mean_cost, found.cost);
      ASSERT_EQ(report.loss, found.loss);
    }
  }
}

TEST(Boxes, FindNothingWhereTooFewTiersFit) {
  Random random(1);
  const BoxProblem problem = random_problem(random, 2, 10);
  const Search search{problem.predictions, problem.pool, std::numeric_limits<double>::infinity(), 1};
  const FoundFront front = shallower(search, 3);
  expect_same(exact(search, front, 4, 0.0), front);
}

}  // namespace
}  // namespace quorate
