#include "quorate/select/metric.h"

#include <gmock/gmock.h>

#include <cmath>

#include "cases.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Metric, NamesThereAndBack) {
  for (const Metric metric :
       {Metric::kLogLoss, Metric::kAccuracy, Metric::kBrier, Metric::kBalancedAccuracy, Metric::kMacroF1, Metric::kMse})
    EXPECT_EQ(metric_from_name(name_of(metric)), metric);
  EXPECT_EQ(name_of(Metric::kBrier), "brier");
  EXPECT_THAT([] { metric_from_name("auc"); },
              ThrowsMessage<std::invalid_argument>(
                  "metric is \"auc\", but must be one of log_loss, accuracy, brier, balanced_accuracy, macro_f1, "
                  "mse"));
}

TEST(Metric, WorkedByHand) {
  // Means: (0.5, 0.5), (0, 1). Truths 1, 1: the tie of the first sample goes to class 0, which is wrong.
  const oracle::Case data{2, 2, 2, {0.75f, 0.25f, 0.0f, 1.0f, 0.25f, 0.75f, 0.0f, 1.0f}, {1, 1}, {1.0, 1.0}};
  const Ensemble both{.members = {0, 1}, .weights = {0.5, 0.5}};
  EXPECT_DOUBLE_EQ(loss(Metric::kLogLoss, predictions_of(data), both), std::log(2.0) / 2);
  EXPECT_DOUBLE_EQ(loss(Metric::kAccuracy, predictions_of(data), both), 0.5);
  EXPECT_DOUBLE_EQ(loss(Metric::kBrier, predictions_of(data), both), 0.25);
}

TEST(Metric, LogLossIsClipped) {
  const oracle::Case data{1, 1, 2, {1.0f, 0.0f}, {1}, {1.0}};
  EXPECT_DOUBLE_EQ(loss(Metric::kLogLoss, predictions_of(data), {.members = {0}, .weights = {1.0}}), -std::log(1e-15));
}

TEST(Metric, EqualsTheDefinitionOnAnyThreads) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    oracle::Case data = seed % 50 == 0 ? random_case(random, 5, 900, 90) : random_case(random, 5, 20, 4);
    const oracle::Options options = random_options(random, data);
    Ensemble ensemble;
    std::map<int, double> weights;
    for (int m = 0; m < int(data.models); ++m)
      if (m == 0 || random.below(2) == 0) weights[m] = 1.0 + double(random.below(3));
    double total = 0.0;
    for (const auto& [m, weight] : weights) total += weight;
    for (auto& [m, weight] : weights) {
      weight /= total;
      ensemble.members.push_back(m);
      ensemble.weights.push_back(weight);
    }
    ensemble.combine = pooling_from_name(options.combine);
    const Predictions predictions = predictions_of(data);
    const Metric metric = metric_from_name(options.metric);
    const double one = loss(metric, predictions, ensemble, 1, data.sample_weight);
    ASSERT_NEAR(one, oracle::loss(data, options.metric, weights, 1.0, options.combine), 1e-11) << options.metric;
    ASSERT_EQ(one, loss(metric, predictions, ensemble, 3, data.sample_weight)) << options.metric;
  }
}

TEST(Metric, BadArgumentsAreNamed) {
  const std::vector<std::int32_t> votes = {0, 1};
  const Predictions hard = Predictions::from_votes({votes.data(), 2, 1}, {}, {0});
  const Ensemble first{.members = {0}, .weights = {1.0}};
  EXPECT_EQ(loss(Metric::kAccuracy, hard, first), 0.0);
  EXPECT_THAT([&] { loss(Metric::kLogLoss, hard, first); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("metric is log_loss, which needs probabilities")));
  EXPECT_THAT([&] { loss(Metric::kBrier, hard, first); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("metric is brier, which needs probabilities")));
  EXPECT_THAT([&] { loss(Metric::kAccuracy, hard, {.members = {5}, .weights = {1.0}}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("members[0] is 5, but must be from 0 to 1")));
  EXPECT_THAT([&] { loss(static_cast<Metric>(9), hard, first); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("metric is 9")));
}

}  // namespace
}  // namespace quorate
