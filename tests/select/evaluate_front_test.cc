#include "quorate/select/evaluate_front.h"

#include <gmock/gmock.h>

#include <memory>
#include <numeric>

#include "oracle/evaluate_front.h"
#include "quorate/core/error.h"
#include "select/bootstrap.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

// Small enough for classes to be missing from the labels and from draws. Scores are eighths, so that they often tie, or
// values of any size.
Predictions random_predictions(Random& random, bool values, bool eighths) {
  const std::size_t models = 1 + random.below(5), samples = 1 + random.below(14), classes = 1 + random.below(4);
  const auto data = std::make_shared<std::vector<float>>(models * samples * classes);
  for (std::size_t row = 0; row < models * samples; ++row) {
    float* p = data->data() + row * classes;
    for (std::size_t c = 0; values && c < classes; ++c) p[c] = static_cast<float>(random.normal());
    if (values) continue;
    for (int eighth = 0; eighth < 8; ++eighth) p[random.below(classes)] += 0.125f;
    float sum = 0.0f;
    for (std::size_t c = 0; c < classes; ++c) sum += p[c] *= eighths ? 1.0f : static_cast<float>(0.5 + random.uniform());
    for (std::size_t c = 0; c < classes; ++c) p[c] /= sum;
  }
  std::vector<Predictions::Model> of_models;
  for (std::size_t m = 0; m < models; ++m) of_models.push_back({data->data() + m * samples * classes, data});
  if (values) {
    std::vector<float> targets(samples * classes);
    for (float& target : targets) target = static_cast<float>(random.normal());
    return Predictions::from_values(std::move(of_models), {targets.data(), samples, classes});
  }
  std::vector<std::int32_t> labels(samples);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(classes));
  return Predictions::from_probabilities(std::move(of_models), samples, classes, labels);
}

EnsembleFront random_front(Random& random, std::size_t models, Pooling combine) {
  std::vector<Ensemble> points;
  for (std::size_t k = 0; k < 1 + random.below(4); ++k) {
    Ensemble point;
    point.loss = 9.0 - static_cast<double>(k);
    point.cost = static_cast<double>(k);
    point.combine = combine;
    for (int m = 0; m < static_cast<int>(models); ++m)
      if (random.below(2) == 0) point.members.push_back(m);
    if (point.members.empty()) point.members = {0};
    for (std::size_t left = point.members.size(); left > 1; --left)  // exact in binary: 1/2, 1/4, ...
      point.weights.push_back(std::ldexp(1.0, -static_cast<int>(point.weights.size()) - 1));
    point.weights.push_back(point.weights.empty() ? 1.0 : point.weights.back());
    points.push_back(point);
  }
  return EnsembleFront(points);
}

struct Seen {
  double loss;
  std::vector<double> drawn;
};

Seen by_definition(const std::string& metric, const Predictions& data, const Ensemble& ensemble,
                   const EvaluateFrontOptions& options) {
  const oracle::Table scores = oracle::scores_of(data, ensemble);
  std::vector<std::size_t> all(data.samples());
  std::iota(all.begin(), all.end(), 0);
  Seen seen{oracle::metric_of(metric, data, scores, all, options.sample_weight), {}};
  for (const auto& samples : oracle::draws_of(data.samples(), options.sample_weight, options.draws, options.seed))
    seen.drawn.push_back(oracle::metric_of(metric, data, scores, samples, options.sample_weight));
  return seen;
}

constexpr double kNear = 1e-6;  // what clipped logarithms in float32 may differ by

void expect_comparison(const SingleComparison& found, const std::string& metric, const Predictions& data, const Seen& point,
                       std::span<const int> allowed, std::span<const double> cost, const EvaluateFrontOptions& options) {
  double least = std::numeric_limits<double>::infinity();
  for (const int m : allowed)
    least = std::min(least, by_definition(metric, data, {.members = {m}, .weights = {1.0}}, options).loss);
  const Seen single = by_definition(metric, data, {.members = {found.model}, .weights = {1.0}}, options);
  ASSERT_THAT(allowed, testing::Contains(found.model));
  ASSERT_NEAR(single.loss, least, 1e-12);
  for (const int m : allowed) {
    const double alone = by_definition(metric, data, {.members = {m}, .weights = {1.0}}, options).loss;
    const double dearer = cost[static_cast<std::size_t>(m)] - cost[static_cast<std::size_t>(found.model)];
    if (alone == least) {
      ASSERT_TRUE(dearer > 0.0 || (dearer == 0.0 && m >= found.model));
    }
  }
  std::vector<double> gains;
  for (std::size_t d = 0; d < single.drawn.size(); ++d) gains.push_back(single.drawn[d] - point.drawn[d]);
  const double tail = (1.0 - options.level) / 2.0;
  ASSERT_NEAR(found.loss, single.loss, 1e-12);
  ASSERT_NEAR(found.gain, single.loss - point.loss, kNear);
  ASSERT_NEAR(found.gain_low, oracle::quantile_of(gains, tail), kNear);
  ASSERT_NEAR(found.gain_high, oracle::quantile_of(gains, 1.0 - tail), kNear);
}

TEST(EvaluateFront, EqualsTheDefinitionForEveryMetricOnAnyThreads) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto metric = static_cast<Metric>(seed % 6);
    const bool values = metric == Metric::kMse;
    const Pooling combine = values ? Pooling::kMean : static_cast<Pooling>(random.below(3));
    const Predictions data = random_predictions(random, values, combine != Pooling::kLogits);  // logarithms round ties apart
    const EnsembleFront front = random_front(random, data.models(), combine);
    EvaluateFrontOptions options{
        .metric = metric, .draws = 1 + static_cast<int>(random.below(20)), .seed = seed, .threads = 1};
    options.level = 0.5 + 0.49 * random.uniform();
    if (random.below(2) == 0) {
      for (std::size_t i = 0; i < data.samples(); ++i) options.sample_weight.push_back(static_cast<double>(random.below(4)));
      options.sample_weight[0] += 0.5;
    }
    std::vector<double> cost(data.models());
    for (double& of_model : cost) of_model = static_cast<double>(random.below(4));

    const FrontEvaluation found = evaluate_front(front, data, cost, options);
    ASSERT_EQ(found.points.size(), front.size());
    const std::string name = name_of(metric);
    std::vector<int> all(data.models());
    std::iota(all.begin(), all.end(), 0);
    for (std::size_t k = 0; k < front.size(); ++k) {
      const Seen point = by_definition(name, data, front[k], options);
      const EvaluatedPoint& seen = found.points[k];
      ASSERT_EQ(seen.ensemble, front[k]);
      ASSERT_EQ(seen.loss, loss(metric, data, front[k], 1, options.sample_weight));
      ASSERT_NEAR(seen.loss, point.loss, kNear) << name;
      ASSERT_NEAR(seen.loss_low, oracle::quantile_of(point.drawn, (1 - options.level) / 2), kNear) << name;
      ASSERT_NEAR(seen.loss_high, oracle::quantile_of(point.drawn, (1 + options.level) / 2), kNear) << name;
      expect_comparison(seen.best, name, data, point, all, cost, options);
      std::vector<int> affordable;
      for (const int m : all)
        if (cost[static_cast<std::size_t>(m)] <= front[k].cost) affordable.push_back(m);
      ASSERT_EQ(seen.at_cost.has_value(), !affordable.empty());
      if (seen.at_cost) expect_comparison(*seen.at_cost, name, data, point, affordable, cost, options);
    }
    std::optional<std::size_t> as_good;
    for (std::size_t k = 0; k < front.size(); ++k)
      if (found.points[k].loss <= found.points[k].best.loss && (!as_good || front[k].cost < front[*as_good].cost))
        as_good = k;
    ASSERT_EQ(found.as_good.has_value(), as_good.has_value());
    if (as_good) {
      ASSERT_EQ(found.as_good->point, static_cast<int>(*as_good));
      const double of_model = cost[static_cast<std::size_t>(found.points[0].best.model)];
      ASSERT_EQ(found.as_good->cost_ratio, front[*as_good].cost == of_model ? 1.0 : front[*as_good].cost / of_model);
    }
    options.threads = 3;
    ASSERT_EQ(evaluate_front(front, data, cost, options), found);
    ASSERT_EQ(front_evaluation_from_json(to_json(found)), found);
  }
}

Predictions three_models() {
  const auto data = std::make_shared<std::vector<float>>(
      std::vector<float>{0.75f, 0.25f, 0.25f, 0.75f, 0.75f, 0.25f, 0.25f, 0.75f,    // right, right, wrong, wrong
                         0.25f, 0.75f, 0.75f, 0.25f, 0.25f, 0.75f, 0.75f, 0.25f,    // the other way round
                         0.75f, 0.25f, 0.25f, 0.75f, 0.25f, 0.75f, 0.25f, 0.75f});  // right, right, right, wrong
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < 3; ++m) models.push_back({data->data() + m * 8, data});
  return Predictions::from_probabilities(std::move(models), 4, 2, {0, 1, 1, 0});
}

EnsembleFront two_points() {
  return EnsembleFront({{.members = {0}, .weights = {1.0}, .loss = 0.6, .cost = 1.0},
                        {.members = {0, 2}, .weights = {0.5, 0.5}, .loss = 0.2, .cost = 3.0}});
}

EnsembleFront with_model_2() {
  return EnsembleFront({{.members = {0}, .weights = {1.0}, .loss = 0.6, .cost = 1.0},
                        {.members = {2}, .weights = {1.0}, .loss = 0.2, .cost = 3.0}});
}

TEST(EvaluateFront, WorkedByHand) {
  const std::vector<double> cost = {1.0, 1.0, 2.0};
  const FrontEvaluation found = evaluate_front(two_points(), three_models(), cost, {.metric = Metric::kAccuracy});
  EXPECT_EQ(found.samples, 4u);
  const EvaluatedPoint& cheap = found.points[0];
  EXPECT_EQ(cheap.loss, 0.5);
  EXPECT_EQ(cheap.loss_low, 0.0);  // 1 of 16 draws has none of the wrong ones
  EXPECT_EQ(cheap.loss_high, 1.0);
  EXPECT_EQ(cheap.best.model, 2);
  EXPECT_EQ(cheap.best.gain, -0.25);
  EXPECT_EQ(cheap.best.gain_high, 0.0);
  EXPECT_EQ(cheap.at_cost->model, 0);  // as bad as model 1, which costs as much and comes later
  EXPECT_EQ(cheap.at_cost->gain, 0.0);
  EXPECT_EQ(cheap.at_cost->gain_low, 0.0);  // an ensemble of one model against that model: paired
  EXPECT_EQ(cheap.at_cost->gain_high, 0.0);
  EXPECT_EQ(found.points[1].at_cost->model, 2);
  EXPECT_FALSE(found.as_good.has_value());
  const FrontEvaluation with_the_best = evaluate_front(with_model_2(), three_models(), cost, {.metric = Metric::kAccuracy});
  EXPECT_EQ(with_the_best.as_good, (AsGood{1, 1.5}));
  EXPECT_FALSE(evaluate_front(with_model_2(), three_models(), {.metric = Metric::kAccuracy}).as_good.has_value());
  EXPECT_FALSE(evaluate_front(two_points(), three_models()).points[0].at_cost.has_value());
  EXPECT_FALSE(
      evaluate_front(two_points(), three_models(), std::vector<double>{2.0, 2.0, 2.0}).points[0].at_cost.has_value());
}

TEST(EvaluateFront, SeveralCostsMustAllBeWithinThePoint) {
  Ensemble point{.members = {0, 1}, .weights = {0.5, 0.5}, .cost = 2.0, .costs = {{"latency_s", 2.0}, {"usd", 5.0}}};
  const std::vector<Cost> costs = {{.name = "latency_s", .of_model = {2.0, 1.0, 1.0}},
                                   {.name = "usd", .of_model = {5.0, 1.0, 6.0}}};
  const FrontEvaluation found = evaluate_front(EnsembleFront({point}), three_models(), costs, {.metric = Metric::kAccuracy});
  EXPECT_EQ(found.points[0].best.model, 2);
  EXPECT_EQ(found.points[0].at_cost->model, 1);  // as good as model 0, and cheaper; model 2 costs too much money
  const std::vector<Cost> other = {costs[0], {.name = "flops", .of_model = {1.0, 1.0, 1.0}}};
  EXPECT_THAT([&] { evaluate_front(EnsembleFront({point}), three_models(), other); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("costs name flops, but front[0] has costs latency_s, usd")));
}

TEST(EvaluateFront, BadArgumentsAreNamed) {
  const auto fails = [](const EnsembleFront& front, std::vector<double> cost, const EvaluateFrontOptions& options,
                        const std::string& text) {
    EXPECT_THAT(
        [&] {
          cost.empty() ? evaluate_front(front, three_models(), options)
                       : evaluate_front(front, three_models(), cost, options);
        },
        ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  fails(EnsembleFront(), {}, {}, "front has no points, but must have at least one");
  fails(two_points(), {}, {.draws = 0}, "draws is 0, but must be at least 1");
  fails(two_points(), {}, {.level = 1.0}, "level is 1, but must be above 0 and below 1");
  fails(two_points(), {}, {.level = 0.0}, "level is 0, but must be above 0 and below 1");
  fails(two_points(), {}, {.level = std::nan("")}, "level is nan, but must be above 0 and below 1");
  fails(two_points(), {}, {.threads = -1}, "threads is -1, but must be at least 0");
  fails(two_points(), {1.0}, {}, "cost has 1 entries, but there are 3 models");
  fails(two_points(), {1.0, -1.0, 1.0}, {}, "cost[1] is -1, but must be finite and not negative");
  fails(two_points(), {1.0, 1.0, std::nan("")}, {}, "cost[2] is nan, but must be finite and not negative");
  fails(two_points(), {}, {.metric = Metric::kMse}, "mse");
  fails(two_points(), {}, {.sample_weight = {1.0}}, "sample_weight");
  fails(two_points(), {}, {.sample_weight = {0.0, 0.0, 0.0, 0.0}}, "sample_weight");
  fails(EnsembleFront({{.members = {7}, .weights = {1.0}}}), {}, {}, "front[0]: members[0] is 7, but must be from 0 to 2");
}

TEST(EvaluateFront, JsonThatIsWrongIsNamed) {
  const std::vector<double> cost = {1.0, 1.0, 2.0};
  const std::string good = to_json(evaluate_front(with_model_2(), three_models(), cost, {.draws = 10}));
  const auto fails = [&](const std::string& from, const std::string& to, const std::string& text) {
    std::string changed = good;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_THAT([&] { front_evaluation_from_json(changed, "mine"); }, ThrowsMessage<FileError>(HasSubstr(text)));
  };
  fails("\"log_loss\"", "\"auc\"", "mine: metric is \"auc\", but must be a metric");
  fails("\"draws\": 10", "\"draws\": 0", "mine: draws is 0, but must be from 1 to");
  fails("\"level\": 0.95", "\"level\": 2", "mine: level is 2");
  fails("\"seed\": 0", "\"seed\": -1", "mine: seed is -1, but must be a whole number, not negative");
  fails("\"samples\": 4", "\"samples\": 0", "mine: samples is 0, but must be from 1 to");
  fails("\"model\": 2", "\"model\": -2", "model is -2, but must be from 0 to");
  fails("\"members\": [", "\"members\": [9,", "mine: points[0].ensemble");
  fails("\"point\": 1", "\"point\": 2", "point is 2, but must be from 0 to 1");
  fails("quorate.front_evaluation", "quorate.front", "mine");
}

TEST(EvaluateFront, QuantilesAreInterpolated) {
  std::vector<double> values = {4.0, 1.0, 3.0, 2.0};
  EXPECT_EQ(quantile(values, 0.0), 1.0);
  EXPECT_EQ(quantile(values, 1.0), 4.0);
  EXPECT_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.1), 1.3);
}

}  // namespace
}  // namespace quorate
