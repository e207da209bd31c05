#include "quorate/route/evaluate.h"

#include <algorithm>
#include <cmath>

#include "route/cost.h"
#include "route/trace.h"

namespace quorate {
namespace {

void set_accuracy(CascadeReport& report, std::size_t errors) {
  constexpr double kZ = 1.959963984540054;  // the normal distribution's 97.5 % quantile
  const auto n = static_cast<double>(report.samples);
  const auto right = static_cast<double>(report.samples - errors);
  report.accuracy = right / n;
  report.loss = static_cast<double>(errors) / n;
  const double p = report.accuracy;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  report.accuracy_low = std::clamp(centre - half, 0.0, p);
  report.accuracy_high = std::clamp(centre + half, p, 1.0);
}

}  // namespace

CascadeReport evaluate(const Cascade& cascade, const Predictions& test, std::span<const double> cost, int threads) {
  check_classes(test);
  check(cascade, test.models());
  check_cost(cost, test.models());
  const std::vector<TierTrace> traces = trace(cascade, test, threads);
  const std::vector<const TierTrace*> tiers = pointers(traces);
  std::vector<double> thresholds;
  for (const Tier& tier : cascade.tiers) thresholds.push_back(tier.threshold);

  CascadeReport report;
  report.samples = test.samples();
  std::vector<std::size_t> answered(cascade.tiers.size());
  std::size_t errors = 0;
  for (std::size_t sample = 0; sample < report.samples; ++sample) {
    const std::size_t k = stopping_tier(tiers, thresholds, sample);
    report.tier.push_back(static_cast<std::int32_t>(k));
    report.answers.push_back(tiers[k]->answer[sample]);
    errors += tiers[k]->wrong[sample];
    ++answered[k];
  }
  set_accuracy(report, errors);

  report.reach.assign(test.models(), 0.0);
  report.demand.assign(test.models(), 0.0);
  std::size_t reached = report.samples;
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k) {
    const double one = tier_cost(cascade.tiers[k].members, cost, cascade.parallel);
    report.mean_cost += expected_cost(one, reached, report.samples);
    report.worst_cost += one;
    const auto n = static_cast<double>(report.samples);
    for (const int member : cascade.tiers[k].members) {
      report.reach[static_cast<std::size_t>(member)] = static_cast<double>(reached) / n;
      report.demand[static_cast<std::size_t>(member)] = static_cast<double>(std::max<std::size_t>(reached, 1)) / n;
    }
    report.tier_share.push_back(static_cast<double>(answered[k]) / n);
    reached -= answered[k];
  }
  return report;
}

CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, std::span<const double> cost, int threads) {
  return evaluate(as_cascade(ensemble), test, cost, threads);
}

}  // namespace quorate
