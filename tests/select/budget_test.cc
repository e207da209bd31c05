// Several costs at once, and limits on them.
#include <gmock/gmock.h>

#include "cases.h"
#include "select/walk.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

double of(const Ensemble& ensemble, const Cost& cost) {
  double sum = 0.0;
  for (const int m : ensemble.members) {
    const double one = cost.of_model[static_cast<std::size_t>(m)];
    sum = cost.parallel ? std::max(sum, one) : sum + one;
  }
  return sum;
}

bool nowhere_dearer(const Ensemble& a, const Ensemble& b) {
  return std::all_of(a.costs.begin(), a.costs.end(),
                     [&](const auto& cost) { return cost.second <= b.costs.at(cost.first); });
}

struct Problem {
  oracle::Case data;
  std::vector<Cost> costs;
  SelectOptions options;
};

Problem random_problem(std::uint64_t seed) {
  Random random(seed, 11);
  Problem problem;
  problem.data = random_case(random, 6, 12, 4);
  problem.options = as_select_options(problem.data, random_options(random, problem.data));
  problem.options.swaps = random.below(2) == 0;
  problem.costs.push_back({.name = "latency_s", .of_model = problem.data.cost, .parallel = random.below(2) == 0});
  problem.costs.push_back({.name = "memory_bytes", .of_model = {}});
  for (std::size_t m = 0; m < problem.data.models; ++m)
    problem.costs[1].of_model.push_back(1.0 + static_cast<double>(random.below(5)));
  return problem;
}

TEST(Costs, NoPointIsDominatedAndEachStatesItsOwn) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem = random_problem(seed);
    const EnsembleFront front = select(predictions_of(problem.data), problem.costs, problem.options);
    ASSERT_GE(front.size(), 1u);
    for (std::size_t i = 0; i < front.size(); ++i) {
      ASSERT_EQ(front[i].costs.at("latency_s"), of(front[i], problem.costs[0]));
      ASSERT_EQ(front[i].costs.at("memory_bytes"), of(front[i], problem.costs[1]));
      ASSERT_EQ(front[i].cost, front[i].costs.at("latency_s"));
      for (std::size_t j = 0; j < front.size(); ++j) {
        ASSERT_FALSE(i != j && front[j].loss <= front[i].loss && nowhere_dearer(front[j], front[i])) << i << ", " << j;
      }
    }
  }
}

TEST(Costs, WhatEachAloneFindsIsFoundTogether) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, 13);
    const oracle::Case data = realistic_case(random, 8, 40, 3);
    std::vector<Cost> costs = {{.name = "latency_s", .of_model = data.cost}, {.name = "memory_bytes", .of_model = {}}};
    for (std::size_t m = 0; m < data.models; ++m) costs[1].of_model.push_back(random.uniform());
    const EnsembleFront together = select(predictions_of(data), costs);
    for (const Cost& cost : costs)
      for (const Ensemble& ensemble : select(predictions_of(data), {&cost, 1}, {.swaps = false}))
        ASSERT_LE(together.within({{cost.name, ensemble.cost}}).loss, ensemble.loss + 1e-11) << cost.name;
  }
}

TEST(Costs, BudgetsAreKept) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Problem problem = random_problem(seed);
    Random random(seed, 12);
    const auto model = random.below(problem.data.models);
    problem.costs[0].budget = problem.costs[0].of_model[model] + static_cast<double>(random.below(3));
    problem.costs[1].budget = problem.costs[1].of_model[model] + static_cast<double>(random.below(3));
    problem.options.bags = static_cast<int>(random.below(3));
    const EnsembleFront front = select(predictions_of(problem.data), problem.costs, problem.options);
    ASSERT_GE(front.size(), 1u);
    for (const Ensemble& ensemble : front)
      for (const Cost& cost : problem.costs) ASSERT_LE(ensemble.costs.at(cost.name), cost.budget);
  }
}

TEST(Costs, AFrontOfSeveralIsReadBackAsItWas) {
  const Problem problem = random_problem(3);
  const EnsembleFront front = select(predictions_of(problem.data), problem.costs, problem.options);
  const EnsembleFront again = ensemble_front_from_json(to_json(front));
  EXPECT_TRUE(std::equal(front.begin(), front.end(), again.begin(), again.end()));
}

TEST(Costs, ABudgetTooSmallNamesTheLeastThatWorks) {
  const oracle::Case data{2, 1, 2, {0.75f, 0.25f, 0.5f, 0.5f}, {0}, {}};
  const auto selecting = [&](double latency_s, double bytes) {
    return [&data, latency_s, bytes] {
      const std::vector<Cost> costs = {{.name = "latency_s", .of_model = {1.0, 2.0}, .budget = latency_s},
                                       {.name = "bytes", .of_model = {8.0, 4.0}, .budget = bytes}};
      return select(predictions_of(data), costs);
    };
  };
  EXPECT_THAT(selecting(0.5, 8.0), ThrowsMessage<std::invalid_argument>(
                                       "the budget of latency_s is 0.5, but must be at least 1, the cheapest model's within "
                                       "the other budgets"));
  EXPECT_THAT(selecting(1.5, 4.0),
              ThrowsMessage<std::invalid_argument>(HasSubstr("latency_s is 1.5, but must be at least 2")));
  EXPECT_THAT(selecting(0.5, 3.0), ThrowsMessage<std::invalid_argument>(HasSubstr("no model is within the budgets")));
  EXPECT_EQ(selecting(1.0, 8.0)().size(), 1u);
  const EnsembleFront front = selecting(9.0, 99.0)();
  EXPECT_THAT(
      [&] {
        front.within({{"usd", 1.0}});
      },
      ThrowsMessage<std::invalid_argument>("max_cost names \"usd\", but the points' costs are: bytes, latency_s"));
  EXPECT_THAT(
      [&] {
        front.within({{"bytes", 1.0}});
      },
      ThrowsMessage<std::invalid_argument>("no point is within max_cost; it must be at least 4 of bytes instead of 1"));
  const Cost only{.name = "latency_s", .of_model = {1.0, 2.0}, .budget = 0.25};
  EXPECT_THAT(
      [&] {
        select(predictions_of(data), {&only, 1});
      },
      ThrowsMessage<std::invalid_argument>("the budget of latency_s is 0.25, but must be at least 1, the cheapest model's"));
}

TEST(Costs, NamesAreNeededAndDifferent) {
  const oracle::Case data{1, 1, 2, {0.75f, 0.25f}, {0}, {}};
  const std::vector<Cost> twice = {{.name = "usd", .of_model = {1.0}}, {.name = "usd", .of_model = {2.0}}};
  EXPECT_THAT([&] { select(predictions_of(data), twice); },
              ThrowsMessage<std::invalid_argument>("costs holds \"usd\" twice"));
  EXPECT_THAT([&] { select(predictions_of(data), std::span<const Cost>()); },
              ThrowsMessage<std::invalid_argument>("costs is empty, but must hold at least one"));
  const Cost nan{.name = "usd", .of_model = {1.0}, .budget = std::nan("")};
  EXPECT_THAT(
      [&] {
        select(predictions_of(data), {&nan, 1});
      },
      ThrowsMessage<std::invalid_argument>("the budget of usd is nan, but must be a number"));
}

TEST(Bags, AreDrawnByTheSeed) {
  Random random(5);
  oracle::Case data = random_case(random, 30, 60, 4);
  while (data.models < 12) data = random_case(random, 30, 60, 4);
  const Predictions predictions = predictions_of(data);
  const auto front = [&](std::uint64_t seed, int threads) {
    return to_json(
        select(predictions, data.cost, {.bags = 6, .bag_fraction = 0.3, .seed = seed, .swaps = false, .threads = threads}));
  };
  EXPECT_EQ(front(1, 1), front(1, 3));
  EXPECT_EQ(front(2, 1), front(2, 0));
}

}  // namespace
}  // namespace quorate
