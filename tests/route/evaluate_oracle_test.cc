// Every figure of a report against its definition, over many small random cascades.
#include <gtest/gtest.h>

#include <cmath>

#include "oracle/evaluate_cascade.h"
#include "quorate/route/evaluate.h"
#include "route/small.h"

namespace quorate {
namespace {

constexpr std::size_t kModels = 5;

struct Problem {
  Predictions predictions;
  Cascade cascade;
  ModelCosts cost;
  EvaluateOptions options;

  std::size_t entry(std::size_t sample) const {
    return options.entry.empty() ? 0 : static_cast<std::size_t>(options.entry[sample]);
  }
};

Cascade random_cascade(Random& random) {
  Cascade cascade;
  cascade.combine = static_cast<Combine>(random.below(3));
  cascade.parallelism = static_cast<double>(random.below(3)) / 2.0;
  for (int m = 0; m < static_cast<int>(kModels);) {
    Tier tier;
    tier.signal = static_cast<Signal>(random.below(5));
    for (std::uint64_t size = 1 + random.below(3); size > 0 && m < static_cast<int>(kModels); --size)
      tier.members.push_back(m++);
    tier.weights.assign(tier.members.size(), 1.0 / static_cast<double>(tier.members.size()));
    // Exact ties where both add up in one order; else between what scores of eighths can give.
    const bool exact = tier.signal < Signal::kMargin && cascade.combine != Combine::kMajority;
    tier.threshold = static_cast<double>(random.below(10)) / 8 + (exact ? 0.0 : 0.0137);
    cascade.tiers.push_back(tier);
    if (random.below(4) == 0) break;  // some models stand outside
  }
  cascade.tiers.back().threshold = 0.0;
  return cascade;
}

ModelCosts random_costs(Random& random, std::size_t samples) {
  if (random.below(2) == 0) return test::random_cost(random, kModels);
  const std::vector<double> each = test::random_cost(random, kModels * samples);
  return ModelCosts::of_samples({each.data(), kModels, samples});
}

Problem random_problem(std::uint64_t seed) {
  Random random(seed);
  const std::size_t samples = seed % 50 == 0 ? 300 + random.below(300) : 1 + random.below(15);
  Predictions predictions = test::random_predictions(random, kModels, samples);
  Cascade cascade = random_cascade(random);
  Problem problem{std::move(predictions), std::move(cascade), random_costs(random, samples), {}};
  EvaluateOptions& options = problem.options;
  options.draws = static_cast<int>(random.below(20));
  options.level = 0.5 + 0.4 * random.uniform();
  options.seed = seed;
  options.compare = random.below(4) > 0;
  options.threads = static_cast<int>(1 + random.below(3));
  if (random.below(2) == 0) options.costs.emplace("usd", random_costs(random, samples));
  const std::size_t depth = problem.cascade.tiers.size();
  if (random.below(2) == 0) options.bytes_to_tier = test::random_cost(random, depth);
  if (random.below(2) == 0)
    for (std::size_t i = 0; i < samples; ++i) options.entry.push_back(static_cast<std::int32_t>(random.below(depth)));
  return problem;
}

void expect_interval(const Estimate& found, double value, const std::vector<double>& drawn, double level) {
  EXPECT_NEAR(found.value, value, 1e-12);
  EXPECT_NEAR(found.low, oracle::quantile_of(drawn, (1 - level) / 2), 1e-12);
  EXPECT_NEAR(found.high, oracle::quantile_of(drawn, (1 + level) / 2), 1e-12);
}

// One cost's mean, worst and, where each sample has its own, interval.
void expect_cost(const Problem& problem, const std::vector<oracle::Answered>& seen, const ModelCosts& cost,
                 const Estimate& mean, double worst) {
  std::vector<double> each, to_the_end;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    each.push_back(oracle::tiers_cost(problem.cascade, cost, i, seen[i].entry, seen[i].tier));
    to_the_end.push_back(oracle::tiers_cost(problem.cascade, cost, i, seen[i].entry, problem.cascade.tiers.size() - 1));
  }
  EXPECT_NEAR(mean.value, oracle::mean_of(each), 1e-12);
  EXPECT_NEAR(worst, *std::max_element(to_the_end.begin(), to_the_end.end()), 1e-12);
  EXPECT_LE(mean.value, worst + 1e-12);
  const int draws = problem.options.draws;
  if (draws == 0)
    EXPECT_EQ(mean, (Estimate{mean.value, mean.value, mean.value}));
  else if (cost.per_sample())
    expect_interval(mean, oracle::mean_of(each), oracle::resampled(each, draws, problem.options.seed),
                    problem.options.level);
  EXPECT_LE(mean.low, mean.high);
}

void expect_classes(const Problem& problem, const std::vector<oracle::Answered>& seen, const CascadeReport& report) {
  ASSERT_EQ(report.per_class.size(), problem.predictions.classes());
  for (std::size_t c = 0; c < report.per_class.size(); ++c) {
    const ClassReport& one = report.per_class[c];
    std::size_t samples = 0, answered = 0, right = 0;
    double cost = 0.0;
    std::vector<double> share(problem.cascade.tiers.size());
    for (std::size_t i = 0; i < seen.size(); ++i) {
      answered += seen[i].answer == c;
      if (static_cast<std::size_t>(problem.predictions.labels()[i]) != c) continue;
      ++samples;
      right += !seen[i].wrong;
      cost += oracle::tiers_cost(problem.cascade, problem.cost, i, seen[i].entry, seen[i].tier);
      share[seen[i].tier] += 1.0;
    }
    EXPECT_EQ(one.samples, samples);
    EXPECT_EQ(one.answered, answered);
    ASSERT_EQ(one.tier_share.size(), share.size());
    const double n = samples > 0 ? static_cast<double>(samples) : 1.0;
    EXPECT_EQ(one.accuracy, static_cast<double>(right) / n);
    EXPECT_NEAR(one.mean_cost, cost / n, 1e-12);
    for (std::size_t k = 0; k < share.size(); ++k) EXPECT_EQ(one.tier_share[k], share[k] / n);
    EXPECT_LE(one.accuracy_low, one.accuracy);
    EXPECT_GE(one.accuracy_high, one.accuracy);
  }
}

void expect_bytes(const Problem& problem, const std::vector<oracle::Answered>& seen, const CascadeReport& report) {
  const std::vector<double>& bytes = problem.options.bytes_to_tier;
  double sent = 0.0, all = 0.0;
  for (const oracle::Answered& one : seen)
    for (std::size_t k = 0; k < bytes.size() && k <= one.tier; ++k) sent += bytes[k];
  for (const double one : bytes) all += one;
  EXPECT_NEAR(report.bytes_per_sample.value, sent / static_cast<double>(seen.size()), 1e-12);
  EXPECT_NEAR(report.bytes_to_last, all, 1e-12);
  EXPECT_LE(report.bytes_ratio(), 1.0 + 1e-12);
  EXPECT_LE(report.bytes_per_sample.low, report.bytes_per_sample.high);
}

void expect_rows(const Problem& problem, const std::vector<oracle::Answered>& seen, const CascadeReport& report) {
  ASSERT_EQ(report.comparison.size(), problem.options.compare ? kModels + 1 : 0);
  std::vector<int> all;
  for (const Tier& tier : problem.cascade.tiers) all.insert(all.end(), tier.members.begin(), tier.members.end());
  for (std::size_t k = 0; k < report.comparison.size(); ++k) {
    const CascadeComparison& row = report.comparison[k];
    const std::vector<int> members = k < kModels ? std::vector{static_cast<int>(k)} : all;
    EXPECT_EQ(row.model, k < kModels ? static_cast<int>(k) : -1);
    EXPECT_EQ(row.name, k < kModels ? problem.predictions.names()[k] : "mean of all");
    const double loss = oracle::mean_of(oracle::errors_of(problem.predictions, members));
    EXPECT_NEAR(row.loss, loss, 1e-12);
    EXPECT_NEAR(row.loss_difference.value, report.loss - loss, 1e-12);
    std::vector<double> own, its;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      own.push_back(oracle::tiers_cost(problem.cascade, problem.cost, i, seen[i].entry, seen[i].tier));
      its.push_back(oracle::members_cost(members, problem.cost, i, problem.cascade.parallelism));
    }
    EXPECT_NEAR(row.mean_cost, oracle::mean_of(its), 1e-12);
    const auto ratio = [](double of, double to) {
      return std::abs(of - to) < 1e-12 ? 1.0 : to < 1e-12 ? INFINITY : of / to;
    };
    const double expected = ratio(oracle::mean_of(own), oracle::mean_of(its));
    if (std::isinf(expected))
      EXPECT_EQ(row.cost_ratio.value, expected);
    else
      EXPECT_NEAR(row.cost_ratio.value, expected, 1e-9);
    EXPECT_EQ(row.cost_ratios.size(), problem.options.costs.size());
    if (problem.options.draws == 0 || !problem.cost.per_sample()) continue;
    const std::vector<double> ours = oracle::resampled(own, problem.options.draws, problem.options.seed);
    std::vector<double> drawn = oracle::resampled(its, problem.options.draws, problem.options.seed);
    bool finite = true;
    for (std::size_t d = 0; d < drawn.size(); ++d) finite = finite && std::isfinite(drawn[d] = ratio(ours[d], drawn[d]));
    if (!finite || !std::isfinite(expected)) continue;
    EXPECT_NEAR(row.cost_ratio.low, oracle::quantile_of(drawn, (1 - problem.options.level) / 2), 1e-9);
    EXPECT_NEAR(row.cost_ratio.high, oracle::quantile_of(drawn, (1 + problem.options.level) / 2), 1e-9);
  }
}

TEST(EvaluateOracle, AgreesInEveryFigureForAnyCascade) {
  for (std::uint64_t seed = 0; seed < 1000 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const Problem problem = random_problem(seed);
    const CascadeReport report = evaluate(problem.cascade, problem.predictions, problem.cost, problem.options);
    std::vector<oracle::Answered> seen;
    std::vector<double> wrong;
    for (std::size_t i = 0; i < problem.predictions.samples(); ++i) {
      seen.push_back(oracle::answer_of(problem.cascade, problem.predictions, i, problem.entry(i)));
      wrong.push_back(seen.back().wrong);
      EXPECT_EQ(report.tier[i], static_cast<int>(seen.back().tier));
      EXPECT_EQ(report.answers[i], static_cast<int>(seen.back().answer));
    }
    EXPECT_EQ(report.loss, oracle::mean_of(wrong));
    EXPECT_NEAR(report.accuracy, 1.0 - report.loss, 1e-15);
    expect_cost(problem, seen, problem.cost, {report.mean_cost, report.mean_cost_low, report.mean_cost_high},
                report.worst_cost);
    EXPECT_EQ(report.costs.size(), problem.options.costs.size());
    for (const auto& [name, cost] : problem.options.costs)
      expect_cost(problem, seen, cost, report.costs.at(name).mean, report.costs.at(name).worst);
    expect_classes(problem, seen, report);
    expect_bytes(problem, seen, report);
    expect_rows(problem, seen, report);
    for (std::size_t k = 0; k < problem.cascade.tiers.size(); ++k) {
      double reached = 0.0;
      for (const oracle::Answered& one : seen) reached += one.entry <= k && k <= one.tier;
      for (const int member : problem.cascade.tiers[k].members)
        EXPECT_EQ(report.reach[static_cast<std::size_t>(member)], reached / static_cast<double>(seen.size()));
    }
    if (seed % 10 == 0) {
      EXPECT_EQ(cascade_report_from_json(to_json(report)), report);
      EvaluateOptions other = problem.options;
      other.threads = static_cast<int>(1 + seed % 4);
      EXPECT_EQ(evaluate(problem.cascade, problem.predictions, problem.cost, other), report);
    }
  }
}

TEST(EvaluateOracle, EqualsTheSearchsOwnFormulaToTheLastBit) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    const Predictions predictions = test::random_predictions(random, kModels, 1 + random.below(40));
    const std::vector<double> cost = test::random_cost(random, kModels);
    const Cascade cascade = random_cascade(random);
    const CascadeReport report = evaluate(cascade, predictions, cost, 1);
    ASSERT_EQ(oracle::run(cascade, predictions, cost), (oracle::Outcome{report.mean_cost, report.loss})) << "seed " << seed;
    ASSERT_LE(report.mean_cost, report.worst_cost);
  }
}

// The draws of counts and the draws of whole samples have one distribution: their quantiles agree within sampling error.
TEST(EvaluateOracle, DrawsOfCountsAreTheBootstrap) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Random random(seed);
    const std::size_t samples = 120 * seed;
    const Predictions predictions = test::random_probabilities(random, kModels, samples, 3);
    Cascade cascade;
    cascade.tiers = {{{0}, {1.0}, Signal::kConfidence, 0.6},
                     {{1, 2}, {0.5, 0.5}, Signal::kAgreement, 0.6},
                     {{3}, {1.0}, Signal::kConfidence, 0.0}};
    const std::vector<double> cost = {1.0, 2.0, 3.0, 10.0, 4.0};
    std::vector<double> each;
    for (const double one : cost) each.insert(each.end(), samples, one);
    EvaluateOptions options{.draws = 20'000, .seed = seed, .bytes_to_tier = {0, 5, 9}};
    const CascadeReport counts = evaluate(cascade, predictions, cost, options);
    const CascadeReport whole =
        evaluate(cascade, predictions, ModelCosts::of_samples({each.data(), kModels, samples}), options);
    const double width = whole.mean_cost_high - whole.mean_cost_low;
    EXPECT_GT(width, 0.0);
    EXPECT_NEAR(counts.mean_cost, whole.mean_cost, 1e-12);
    EXPECT_EQ(counts.worst_cost, whole.worst_cost);
    EXPECT_NEAR(counts.mean_cost_low, whole.mean_cost_low, 0.03 * width);
    EXPECT_NEAR(counts.mean_cost_high, whole.mean_cost_high, 0.03 * width);

    std::vector<double> wrong, bytes;
    for (std::size_t i = 0; i < samples; ++i) {
      const oracle::Answered seen = oracle::answer_of(cascade, predictions, i, 0);
      wrong.push_back(seen.wrong);
      bytes.push_back(seen.tier == 0 ? 0.0 : seen.tier == 1 ? 5.0 : 14.0);
    }
    const auto expect_near = [](const Estimate& found, const std::vector<double>& values) {
      const std::vector<double> drawn = oracle::resampled(values, 20'000, 99);
      const double low = oracle::quantile_of(drawn, 0.025), high = oracle::quantile_of(drawn, 0.975);
      EXPECT_NEAR(found.low, low, 0.05 * (high - low));
      EXPECT_NEAR(found.high, high, 0.05 * (high - low));
    };
    expect_near(counts.bytes_per_sample, bytes);
    for (const CascadeComparison& row : counts.comparison) {
      if (row.model < 0) continue;
      std::vector<double> difference = oracle::errors_of(predictions, {row.model});
      for (std::size_t i = 0; i < samples; ++i) difference[i] = wrong[i] - difference[i];
      expect_near(row.loss_difference, difference);
    }
  }
}

}  // namespace
}  // namespace quorate
