#include "route/cascade_run.h"

#include <algorithm>

#include "route/cost.h"
#include "route/trace.h"
#include "select/bootstrap.h"

namespace quorate {
namespace {

// The tiers from `first` on, as a cascade of its own.
Cascade tail(const Cascade& cascade, std::size_t first) {
  Cascade result = cascade;
  result.tiers.erase(result.tiers.begin(), result.tiers.begin() + static_cast<std::ptrdiff_t>(first));
  return result;
}

// Sends the samples that enter at `first` through the tiers, of which `traces` [depth] says what each would do.
void send(std::span<const TierTrace> traces, const Cascade& cascade, std::size_t first, CascadeRun& out) {
  std::vector<const TierTrace*> tiers;
  std::vector<double> thresholds;
  for (std::size_t k = 0; k < traces.size(); ++k) {
    tiers.push_back(&traces[k]);
    thresholds.push_back(cascade.tiers[first + k].threshold);
  }
  for (std::size_t sample = 0; sample < out.samples(); ++sample) {
    if (out.entry[sample] != static_cast<std::int32_t>(first)) continue;
    const std::size_t k = stopping_tier(tiers, thresholds, sample);
    out.tier[sample] = static_cast<std::int32_t>(first + k);
    out.answers[sample] = tiers[k]->answer[sample];
    out.wrong[sample] = tiers[k]->wrong[sample];
  }
}

}  // namespace

CascadeRun run(const Cascade& cascade, const Predictions& predictions, std::span<const std::int32_t> entry, int threads) {
  const std::size_t samples = predictions.samples();
  CascadeRun out;
  out.depth = cascade.tiers.size();
  out.entry.assign(samples, 0);
  if (!entry.empty()) out.entry.assign(entry.begin(), entry.end());
  out.tier.resize(samples);
  out.answers.resize(samples);
  out.wrong.resize(samples);

  // Where tiers answer for themselves, what comes before a tier does not matter: one trace serves all entries.
  const bool alone = cascade.combine == Combine::kLast;
  std::vector<TierTrace> whole;
  if (alone) whole = trace(cascade, predictions, threads);
  for (std::size_t first = 0; first < out.depth; ++first) {
    if (std::find(out.entry.begin(), out.entry.end(), static_cast<std::int32_t>(first)) == out.entry.end()) continue;
    if (alone)
      send(std::span(whole).subspan(first), cascade, first, out);
    else
      send(trace(tail(cascade, first), predictions, threads), cascade, first, out);
  }

  out.counts.assign(out.depth * out.depth, 0);
  out.reached.assign(out.depth, 0);
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const auto first = static_cast<std::size_t>(out.entry[sample]);
    const auto last = static_cast<std::size_t>(out.tier[sample]);
    ++out.counts[first * out.depth + last];
    for (std::size_t k = first; k <= last; ++k) ++out.reached[k];
    out.errors += out.wrong[sample];
  }
  return out;
}

RunCost run_cost(const CascadeRun& run, const Cascade& cascade, const ModelCosts& cost) {
  const std::size_t depth = run.depth;
  const auto earliest = static_cast<std::size_t>(*std::min_element(run.entry.begin(), run.entry.end()));
  RunCost result;
  if (!cost.per_sample()) {
    result.of_count.assign(depth * depth, 0.0);
    std::vector<double> of_tier;
    for (std::size_t k = 0; k < depth; ++k) {
      of_tier.push_back(tier_cost(cascade.tiers[k].members, cost.means(), cascade.parallelism));
      result.mean += expected_cost(of_tier[k], run.reached[k], run.samples());
      if (k >= earliest) result.worst += of_tier[k];
    }
    for (std::size_t first = 0; first < depth; ++first) {
      double sum = 0.0;
      for (std::size_t last = first; last < depth; ++last) result.of_count[first * depth + last] = sum += of_tier[last];
    }
    return result;
  }

  result.of_sample.assign(run.samples(), 0.0);
  std::vector<double> to_the_end(run.samples());
  for (std::size_t k = 0; k < depth; ++k) {
    const auto tier = static_cast<std::int32_t>(k);
    double sum = 0.0;
    for (std::size_t sample = 0; sample < run.samples(); ++sample) {
      if (tier < run.entry[sample]) continue;
      const double one = tier_cost(cascade.tiers[k].members, cost, sample, cascade.parallelism);
      to_the_end[sample] += one;
      if (tier > run.tier[sample]) continue;
      result.of_sample[sample] += one;
      sum += one;
    }
    result.mean += sum / static_cast<double>(run.samples());
  }
  result.worst = *std::max_element(to_the_end.begin(), to_the_end.end());
  return result;
}

double cost_of(const CascadeRun& run, const RunCost& cost, std::size_t sample) {
  if (!cost.of_sample.empty()) return cost.of_sample[sample];
  return cost.of_count[static_cast<std::size_t>(run.entry[sample]) * run.depth + static_cast<std::size_t>(run.tier[sample])];
}

std::vector<std::vector<double>> resampled_means(std::vector<std::vector<double>> columns, const EvaluateOptions& options) {
  std::vector<SampleResults> results;
  for (std::vector<double>& column : columns) results.push_back({std::move(column), {}});
  Resampling how;
  how.metric = Metric::kBrier;  // of all whose figure is a plain mean over samples, one
  how.draws = options.draws;
  how.seed = options.seed;
  how.threads = options.threads;
  return bootstrap(how, results);
}

}  // namespace quorate
