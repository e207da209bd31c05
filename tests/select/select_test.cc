#include "quorate/select/select.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>

#include "cases.h"
#include "select/walk.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::map<int, double> weights_of(const Ensemble& ensemble) {
  std::map<int, double> weights;
  for (std::size_t k = 0; k < ensemble.members.size(); ++k) weights[ensemble.members[k]] = ensemble.weights[k];
  return weights;
}

void expect_same(const Walker::Path& path, const oracle::Path& expected) {
  ASSERT_EQ(path.picks, expected.picks);
  for (std::size_t k = 0; k < path.losses.size(); ++k)
    ASSERT_NEAR(path.losses[k], expected.losses[k], path.errors[k] + 1e-11);
}

void expect_same(const GreedyPath& path, const oracle::Path& expected) {
  ASSERT_EQ(path.picks, expected.picks);
  ASSERT_EQ(path.losses.size(), expected.losses.size());
  for (std::size_t k = 0; k < path.losses.size(); ++k) ASSERT_NEAR(path.losses[k], expected.losses[k], 1e-11);
}

// QUORATE_SELECT_CASES: how many, from which on, e.g. "100000 5000".
std::pair<std::uint64_t, std::uint64_t> cases() {
  const char* asked = std::getenv("QUORATE_SELECT_CASES");
  if (asked == nullptr) return {10'000, 0};
  char* rest = nullptr;
  const std::uint64_t count = std::strtoull(asked, &rest, 10);
  return {count, std::strtoull(rest, nullptr, 10)};
}

TEST(Greedy, PicksWhatTheDefinitionPicks) {
  const auto [count, first] = cases();
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    oracle::Case data = random_case(random, 6, 12, 4);
    const oracle::Options options = random_options(random, data);
    const Predictions predictions = predictions_of(data);
    const SelectOptions chosen = as_select_options(data, options);
    ASSERT_NO_FATAL_FAILURE(expect_same(greedy(predictions, data.cost, chosen), oracle::walk(data, options)));
    const Cost cost = as_cost(data, options);
    Walker walker(predictions, {&cost, 1}, chosen);
    ASSERT_NO_FATAL_FAILURE(expect_same(walker.walk({.per_cost = 0}), oracle::walk(data, options, true)));
    const double cap = double(random.below(9));
    ASSERT_NO_FATAL_FAILURE(expect_same(walker.walk({.caps = {cap}}), oracle::walk(data, options, false, cap)));
  }
}

// Several blocks, chunks and threads.
TEST(Greedy, PicksWhatTheDefinitionPicksFromLargerLibraries) {
  for (std::uint64_t seed = 0; seed < 48; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    oracle::Case data = random_case(random, 8, 900, 80);
    oracle::Options options = random_options(random, data);
    options.max_size = std::min(options.max_size, 4);
    const int threads = 1 + static_cast<int>(random.below(4));
    ASSERT_NO_FATAL_FAILURE(expect_same(greedy(predictions_of(data), data.cost, as_select_options(data, options, threads)),
                                        oracle::walk(data, options)));
  }
}

TEST(Select, FrontHoldsTheNonDominatedCandidates) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    oracle::Case data = random_case(random, 6, 12, 4);
    const oracle::Options options = random_options(random, data);
    const Cost cost = as_cost(data, options);
    const EnsembleFront front = select(predictions_of(data), {&cost, 1}, as_select_options(data, options));
    const std::vector<oracle::Found> candidates = oracle::candidates(data, options);
    for (const Ensemble& ensemble : front) {
      const auto same = std::find_if(candidates.begin(), candidates.end(),
                                     [&](const oracle::Found& found) { return found.weights == weights_of(ensemble); });
      ASSERT_NE(same, candidates.end());
      ASSERT_NEAR(ensemble.loss, same->loss, 1e-11);
      ASSERT_EQ(ensemble.cost, same->cost);
      ASSERT_EQ(ensemble.found_by, same->found_by);
      ASSERT_EQ(name_of(ensemble.combine), options.combine);
      ASSERT_NO_THROW(check(ensemble, data.models));
    }
    for (const oracle::Found& found : candidates) {
      const bool covered = std::any_of(front.begin(), front.end(), [&](const Ensemble& ensemble) {
        return ensemble.cost <= found.cost && ensemble.loss <= found.loss + 1e-11;
      });
      ASSERT_TRUE(covered) << found.found_by << " of cost " << found.cost << " and loss " << found.loss;
    }
  }
}

TEST(Select, EveryPointStatesItsOwnLossAndCost) {
  Random random(7);
  for (int repeat = 0; repeat < 200; ++repeat) {
    oracle::Case data = random_case(random, 6, 40, 5);
    const oracle::Options options = random_options(random, data);
    const Predictions predictions = predictions_of(data);
    SelectOptions chosen = as_select_options(data, options);
    chosen.swaps = true;
    double last_loss = std::numeric_limits<double>::infinity();
    double last_cost = -1.0;
    for (const Ensemble& ensemble : select(predictions, data.cost, chosen)) {
      ASSERT_EQ(ensemble.loss, loss(chosen.metric, predictions, ensemble, 1, data.sample_weight));
      ASSERT_LT(ensemble.loss, last_loss);
      ASSERT_GT(ensemble.cost, last_cost);
      last_loss = ensemble.loss;
      last_cost = ensemble.cost;
    }
  }
}

TEST(Select, IsTheSameForAnyNumberOfThreads) {
  Random random(11);
  for (const char* metric : {"log_loss", "accuracy", "brier"}) {
    oracle::Case data;
    do data = random_case(random, 60, 700, 12);
    while (data.models * data.samples < 20'000 || data.classes < 3);  // past threads_worth for each metric
    const Predictions predictions = predictions_of(data);
    SelectOptions options{.metric = metric_from_name(metric), .max_size = 12, .threads = 1};
    const EnsembleFront one = select(predictions, data.cost, options);
    for (const int threads : {2, 3, 7, 0}) {
      options.threads = threads;
      const EnsembleFront several = select(predictions, data.cost, options);
      ASSERT_TRUE(std::equal(one.begin(), one.end(), several.begin(), several.end())) << metric << " on " << threads;
    }
  }
}

TEST(Select, ReadsFloat16AsTheNumbersThatItStores) {
  Random random(3);
  const oracle::Case coarse = [&] {
    for (;;) {
      oracle::Case data = random_case(random, 6, 30, 4);
      if (data.models > 2 &&
          std::all_of(data.probs.begin(), data.probs.end(), [](float p) { return p * 8 == std::round(p * 8); }))
        return data;
    }
  }();
  auto halves = std::make_shared<std::vector<Half>>();
  const std::uint16_t eighths[] = {0x0000, 0x3000, 0x3400, 0x3600, 0x3800, 0x3900, 0x3a00, 0x3b00, 0x3c00};
  for (const float p : coarse.probs) halves->push_back({eighths[static_cast<int>(p * 8)]});
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < coarse.models; ++m)
    models.push_back({static_cast<const Half*>(halves->data() + m * coarse.samples * coarse.classes), halves});
  const Predictions small = Predictions::from_probabilities(std::move(models), coarse.samples, coarse.classes,
                                                            {coarse.labels.begin(), coarse.labels.end()});
  for (const Metric metric : {Metric::kLogLoss, Metric::kAccuracy, Metric::kBrier}) {
    const GreedyPath path = greedy(small, coarse.cost, {.metric = metric});
    const GreedyPath expected = greedy(predictions_of(coarse), coarse.cost, {.metric = metric});
    EXPECT_EQ(path.picks, expected.picks);
    EXPECT_EQ(path.losses, expected.losses);
  }
}

TEST(Select, TiesGoToTheCheaperThenTheEarlierModel) {
  const oracle::Case equal{4, 1, 2, {0.75f, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f}, {0}, {2.0, 1.0, 1.0, 3.0}};
  EXPECT_EQ(greedy(predictions_of(equal), equal.cost, {.max_size = 3}).picks, (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(greedy(predictions_of(equal), equal.cost, {.max_size = 9, .with_replacement = false}).picks,
            (std::vector<int>{1, 2, 0, 3}));
  const EnsembleFront front = select(predictions_of(equal), equal.cost);
  ASSERT_EQ(front.size(), 1u);
  EXPECT_EQ(front[0].members, std::vector<int>{1});
  EXPECT_EQ(front[0].found_by, "single");
}

TEST(Select, VotesAreSelectedByAccuracy) {
  // Each model is wrong on a sample of its own: only all three together are right everywhere.
  const std::vector<std::int32_t> votes = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  const Predictions predictions = Predictions::from_votes({votes.data(), 3, 3}, {}, {0, 0, 0});
  const std::vector<double> cost = {1.0, 1.0, 1.0};
  const EnsembleFront front = select(predictions, cost, {.metric = Metric::kAccuracy});
  ASSERT_EQ(front.size(), 2u);
  EXPECT_EQ(front[1].members, (std::vector<int>{0, 1}));  // a tie of two classes goes to class 0, the truth
  EXPECT_EQ(front[1].loss, 0.0);
}

TEST(Select, ParallelEnsemblesCostTheirDearestMember) {
  const oracle::Case data{2, 2, 2, {0.75f, 0.25f, 0.5f, 0.5f, 0.5f, 0.5f, 0.25f, 0.75f}, {0, 1}, {2.0, 3.0}};
  const EnsembleFront serial = select(predictions_of(data), data.cost);
  const EnsembleFront parallel = [&] {
    const Cost cost{.of_model = data.cost, .parallel = true};
    return select(predictions_of(data), {&cost, 1});
  }();
  EXPECT_EQ(serial[serial.size() - 1].cost, 5.0);
  EXPECT_EQ(parallel[parallel.size() - 1].cost, 3.0);
  EXPECT_EQ(parallel[parallel.size() - 1].members, (std::vector<int>{0, 1}));
}

TEST(Select, SmallestLibraries) {
  const oracle::Case one{1, 1, 1, {1.0f}, {0}, {0.0}};
  for (const Metric metric : {Metric::kLogLoss, Metric::kAccuracy, Metric::kBrier}) {
    const EnsembleFront front = select(predictions_of(one), one.cost, {.metric = metric});
    ASSERT_EQ(front.size(), 1u);
    EXPECT_EQ(front[0].loss, 0.0);
    EXPECT_EQ(front[0].cost, 0.0);
  }
}

TEST(Select, BadArgumentsAreNamed) {
  const oracle::Case data{2, 1, 2, {0.75f, 0.25f, 0.5f, 0.5f}, {0}, {1.0, 1.0}};
  const Predictions predictions = predictions_of(data);
  const auto failing = [&](std::vector<double> cost, const SelectOptions& options, const std::string& text) {
    EXPECT_THAT([&] { select(predictions, cost, options); }, ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
    EXPECT_THAT([&] { greedy(predictions, cost, options); }, ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  failing({1.0}, {}, "cost has 1 entries, but there are 2 models");
  failing({1.0, -2.0}, {}, "cost[1] is -2, but must be finite and not negative");
  failing({std::numeric_limits<double>::quiet_NaN(), 1.0}, {}, "cost[0] is nan, but must be finite and not negative");
  failing({1.0, std::numeric_limits<double>::infinity()}, {}, "cost[1] is inf, but must be finite and not negative");
  failing({1.0, 1.0}, {.max_size = 0}, "max_size is 0, but must be at least 1");
  failing({1.0, 1.0}, {.caps = -1}, "caps is -1, but must be at least 0");
  failing({1.0, 1.0}, {.threads = -1}, "threads is -1, but must be at least 0");
  failing({1.0, 1.0}, {.sorted_start = -1}, "sorted_start is -1, but must be at least 0");
  failing({1.0, 1.0}, {.patience = -1}, "patience is -1, but must be at least 0");
  failing({1.0, 1.0}, {.bags = -1}, "bags is -1, but must be at least 0");
  failing({1.0, 1.0}, {.bag_fraction = 0.0}, "bag_fraction is 0, but must be above 0 and at most 1");
  failing({1.0, 1.0}, {.bag_fraction = 1.5}, "bag_fraction is 1.5, but must be above 0 and at most 1");
  failing({1.0, 1.0}, {.metric = static_cast<Metric>(9)}, "metric is 9");

  const std::vector<std::int32_t> votes = {0, 1};
  const Predictions hard = Predictions::from_votes({votes.data(), 2, 1}, {}, {0});
  EXPECT_THAT([&] { select(hard, data.cost); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("metric is log_loss, which needs probabilities, but the predictions are votes")));
  EXPECT_THAT([&] { select(hard, data.cost, {.metric = Metric::kBrier}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("metric is brier")));
}

}  // namespace
}  // namespace quorate
