#include "quorate/route/evaluate.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "route/cascade_run.h"
#include "route/compare.h"
#include "route/interval.h"
#include "route/trace.h"

namespace quorate {
namespace {

void check_arguments(const Cascade& cascade, const Predictions& test, const ModelCosts& cost,
                     const EvaluateOptions& options) {
  check_classes(test);
  check(cascade, test.models());
  check(cost, test.models(), test.samples());
  for (const auto& [name, further] : options.costs) {
    require(!name.empty(), "costs has an entry without a name");
    check(further, test.models(), test.samples(), ("costs[\"" + name + "\"]").c_str());
  }
  require(options.draws >= 0, "draws is ", options.draws, ", but must be at least 0 (0: no intervals)");
  require(options.level > 0.0 && options.level < 1.0, "level is ", options.level, ", but must be above 0 and below 1");
  check_threads(options.threads);
  const std::vector<double>& bytes = options.bytes_to_tier;
  const std::size_t depth = cascade.tiers.size();
  require(bytes.empty() || bytes.size() == depth, "bytes_to_tier has ", bytes.size(), " entries, but the cascade has ",
          depth, depth == 1 ? " tier" : " tiers");
  for (std::size_t k = 0; k < bytes.size(); ++k)
    require(std::isfinite(bytes[k]) && bytes[k] >= 0.0, "bytes_to_tier[", k, "] is ", bytes[k],
            ", but must be finite and at least 0");
  const std::vector<std::int32_t>& entry = options.entry;
  require(entry.empty() || entry.size() == test.samples(), "entry has ", entry.size(), " entries, but there are ",
          test.samples(), " samples");
  for (std::size_t i = 0; i < entry.size(); ++i)
    require(entry[i] >= 0 && static_cast<std::size_t>(entry[i]) < depth, "entry[", i, "] is ", entry[i],
            ", but must be a tier, from 0 to ", depth - 1);
}

void set_reach(CascadeReport& report, const CascadeRun& run, const Cascade& cascade) {
  const auto n = static_cast<double>(run.samples());
  std::vector<std::size_t> answered(run.depth);
  for (const std::int32_t tier : run.tier) ++answered[static_cast<std::size_t>(tier)];
  for (std::size_t k = 0; k < run.depth; ++k) {
    report.tier_share.push_back(static_cast<double>(answered[k]) / n);
    for (const int member : cascade.tiers[k].members) {
      report.reach[static_cast<std::size_t>(member)] = static_cast<double>(run.reached[k]) / n;
      report.demand[static_cast<std::size_t>(member)] = static_cast<double>(std::max<std::size_t>(run.reached[k], 1)) / n;
    }
  }
}

// A sample that enters at a tier has passed the places before it.
void set_bytes(CascadeReport& report, const CascadeRun& run, const CellDraws& draws, const EvaluateOptions& options) {
  if (options.bytes_to_tier.empty()) return;
  std::vector<double> values(run.counts.size());
  double sum = 0.0;
  for (std::size_t last = 0; last < run.depth; ++last) {
    sum += options.bytes_to_tier[last];
    for (std::size_t first = 0; first <= last; ++first) values[first * run.depth + last] = sum;
  }
  report.bytes_to_last = sum;
  double mean = 0.0;
  for (std::size_t cell = 0; cell < values.size(); ++cell)
    mean += values[cell] * (static_cast<double>(run.counts[cell]) / static_cast<double>(run.samples()));
  report.bytes_per_sample = estimate(mean, draws.means(values), options.level);
}

void set_classes(CascadeReport& report, const CascadeRun& run, const RunCost& cost, const Predictions& test) {
  report.per_class.resize(test.classes());
  std::vector<std::size_t> right(test.classes());
  for (ClassReport& one : report.per_class) one.tier_share.assign(run.depth, 0.0);
  for (std::size_t sample = 0; sample < run.samples(); ++sample) {
    const auto label = static_cast<std::size_t>(test.labels()[sample]);
    ClassReport& one = report.per_class[label];
    ++one.samples;
    one.mean_cost += cost_of(run, cost, sample);
    one.tier_share[static_cast<std::size_t>(run.tier[sample])] += 1.0;
    right[label] += run.wrong[sample] == 0 ? 1 : 0;
    ++report.per_class[static_cast<std::size_t>(run.answers[sample])].answered;
  }
  for (std::size_t c = 0; c < right.size(); ++c) {
    ClassReport& one = report.per_class[c];
    if (one.samples == 0) continue;
    const auto n = static_cast<double>(one.samples);
    one.accuracy = static_cast<double>(right[c]) / n;
    std::tie(one.accuracy_low, one.accuracy_high) = wilson(right[c], one.samples, report.level);
    one.mean_cost /= n;
    for (double& share : one.tier_share) share /= n;
  }
}

MeasuredCost measure(const CascadeRun& run, const Cascade& cascade, const ModelCosts& cost, const CellDraws& draws,
                     const EvaluateOptions& options) {
  MeasuredCost result{&cost, run_cost(run, cascade, cost), {}};
  if (options.draws == 0) return result;
  result.drawn =
      cost.per_sample() ? resampled_means({result.of_run.of_sample}, options).front() : draws.means(result.of_run.of_count);
  return result;
}

}  // namespace

CascadeReport evaluate(const Cascade& cascade, const Predictions& test, const ModelCosts& cost,
                       const EvaluateOptions& options) {
  check_arguments(cascade, test, cost, options);
  CascadeRun run = quorate::run(cascade, test, options.entry, options.threads);

  CascadeReport report;
  report.samples = test.samples();
  report.level = options.level;
  report.draws = options.draws;
  report.seed = options.seed;
  const std::size_t right = report.samples - run.errors;
  report.accuracy = static_cast<double>(right) / static_cast<double>(report.samples);
  std::tie(report.accuracy_low, report.accuracy_high) = wilson(right, report.samples, options.level);
  report.loss = static_cast<double>(run.errors) / static_cast<double>(report.samples);
  report.reach.assign(test.models(), 0.0);
  report.demand.assign(test.models(), 0.0);
  set_reach(report, run, cascade);

  const CellDraws draws(run.counts, options.draws, Random(options.seed));
  std::map<std::string, MeasuredCost> costs;
  costs.emplace("", measure(run, cascade, cost, draws, options));
  for (const auto& [name, further] : options.costs)
    report.costs[name].worst =
        costs.emplace(name, measure(run, cascade, further, draws, options)).first->second.of_run.worst;
  for (auto& [name, further] : report.costs)
    further.mean = estimate(costs.at(name).of_run.mean, costs.at(name).drawn, options.level);
  const MeasuredCost& main = costs.at("");
  const Estimate mean = estimate(main.of_run.mean, main.drawn, options.level);
  report.mean_cost = mean.value;
  report.mean_cost_low = mean.low;
  report.mean_cost_high = mean.high;
  report.worst_cost = main.of_run.worst;
  set_bytes(report, run, draws, options);
  set_classes(report, run, main.of_run, test);
  if (options.compare) report.comparison = compare(run, cascade, test, costs, options);
  report.tier = std::move(run.tier);
  report.answers = std::move(run.answers);
  return report;
}

CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, const ModelCosts& cost,
                       const EvaluateOptions& options) {
  return evaluate(as_cascade(ensemble), test, cost, options);
}

CascadeReport evaluate(const Cascade& cascade, const Predictions& test, const ModelCosts& cost, int threads) {
  return evaluate(cascade, test, cost, EvaluateOptions{.draws = 0, .compare = false, .threads = threads});
}

CascadeReport evaluate(const Ensemble& ensemble, const Predictions& test, const ModelCosts& cost, int threads) {
  return evaluate(as_cascade(ensemble), test, cost, threads);
}

}  // namespace quorate
