#include "route/compare.h"

#include <algorithm>
#include <array>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "route/cost.h"
#include "route/interval.h"
#include "route/trace.h"

namespace quorate {
namespace {

// As many costs of samples are resampled at once: their columns fit a cache, and the draws are made anew for each lot.
constexpr std::size_t kColumns = 64;

constexpr std::uint64_t kFirstStream = 1;  // of the seed's streams, one for each model; 0 is that of the cascade's counts
constexpr std::uint64_t kWholeStream = ~std::uint64_t{0};

double ratio(double of, double to) { return of == to ? 1.0 : of / to; }  // both at least 0

// The loss and its paired difference, where `wrong` says on which samples this one errs. Both depend on no more than how
// many samples only the cascade, only this one, and both or none answer wrongly.
void set_loss(CascadeComparison& row, const CascadeRun& run, std::span<const std::uint8_t> wrong, std::uint64_t stream,
              const EvaluateOptions& options) {
  std::array<std::size_t, 3> counts = {0, 0, 0};
  std::size_t errors = 0;
  for (std::size_t sample = 0; sample < wrong.size(); ++sample) {
    errors += wrong[sample];
    ++counts[static_cast<std::size_t>(1 + run.wrong[sample] - wrong[sample])];
  }
  constexpr std::array<double, 3> kDifference = {-1.0, 0.0, 1.0};
  const auto n = static_cast<double>(run.samples());
  row.loss = static_cast<double>(errors) / n;
  const double difference = (static_cast<double>(counts[2]) - static_cast<double>(counts[0])) / n;
  const CellDraws draws(counts, options.draws, Random(options.seed, stream));
  row.loss_difference = estimate(difference, draws.means(kDifference), options.level);
}

// Where neither has costs of its own for each sample, what this one costs is the same on every draw.
Estimate ratio_to(const MeasuredCost& cost, double mean, double level) {
  std::vector<double> ratios;
  for (const double drawn : cost.drawn) ratios.push_back(ratio(drawn, mean));
  return estimate(ratio(cost.of_run.mean, mean), std::move(ratios), level);
}

Estimate ratio_to(const MeasuredCost& cost, double mean, const std::vector<double>& drawn, double level) {
  std::vector<double> ratios;
  for (std::size_t draw = 0; draw < drawn.size(); ++draw) ratios.push_back(ratio(cost.drawn[draw], drawn[draw]));
  return estimate(ratio(cost.of_run.mean, mean), std::move(ratios), level);
}

Tier all_members(const Cascade& cascade) {
  Tier all;
  for (const Tier& tier : cascade.tiers) all.members.insert(all.members.end(), tier.members.begin(), tier.members.end());
  std::sort(all.members.begin(), all.members.end());
  all.weights.assign(all.members.size(), 1.0 / static_cast<double>(all.members.size()));
  return all;
}

void set_cost(CascadeComparison& row, const std::string& name, double mean, const Estimate& found) {
  if (!name.empty()) {
    row.cost_ratios[name] = found;
    return;
  }
  row.mean_cost = mean;
  row.cost_ratio = found;
}

// One cost of all rows, of which each is a tier.
void set_costs(std::vector<CascadeComparison>& rows, const std::vector<Tier>& tiers, const Cascade& cascade,
               const std::string& name, const MeasuredCost& cost, const EvaluateOptions& options) {
  if (!cost.cost->per_sample()) {
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const double mean = tier_cost(tiers[k].members, cost.cost->means(), cascade.parallelism);
      set_cost(rows[k], name, mean, ratio_to(cost, mean, options.level));
    }
    return;
  }
  for (std::size_t first = 0; first < rows.size(); first += kColumns) {
    const std::size_t count = std::min(kColumns, rows.size() - first);
    std::vector<std::vector<double>> columns(count, std::vector<double>(cost.of_run.of_sample.size()));
    std::vector<double> means(count);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t sample = 0; sample < columns[k].size(); ++sample) {
        columns[k][sample] = tier_cost(tiers[first + k].members, *cost.cost, sample, cascade.parallelism);
        means[k] += columns[k][sample];
      }
      means[k] /= static_cast<double>(columns[k].size());
    }
    const std::vector<std::vector<double>> drawn = resampled_means(std::move(columns), options);
    for (std::size_t k = 0; k < count; ++k)
      set_cost(rows[first + k], name, means[k], ratio_to(cost, means[k], drawn[k], options.level));
  }
}

}  // namespace

std::vector<CascadeComparison> compare(const CascadeRun& run, const Cascade& cascade, const Predictions& test,
                                       const std::map<std::string, MeasuredCost>& costs, const EvaluateOptions& options) {
  const std::size_t models = test.models();
  std::vector<CascadeComparison> rows(models + 1);
  std::vector<Tier> tiers(models);
  parallel_for(models, options.threads, [&](std::size_t begin, std::size_t end) {
    std::vector<std::int32_t> answers(run.samples());
    std::vector<float> confidence(run.samples());
    std::vector<std::uint8_t> wrong(run.samples());
    for (std::size_t m = begin; m < end; ++m) {
      test.read_answers(m, answers, confidence);
      for (std::size_t sample = 0; sample < wrong.size(); ++sample) wrong[sample] = answers[sample] != test.labels()[sample];
      rows[m].model = static_cast<int>(m);
      rows[m].name = test.names()[m];
      tiers[m].members = {static_cast<int>(m)};
      set_loss(rows[m], run, wrong, kFirstStream + m, options);
    }
  });

  Cascade whole;
  whole.tiers = {all_members(cascade)};
  rows.back().name = "mean of all";
  set_loss(rows.back(), run, trace(whole, test, options.threads).front().wrong, kWholeStream, options);
  tiers.push_back(whole.tiers.front());
  for (const auto& [name, cost] : costs) set_costs(rows, tiers, cascade, name, cost, options);
  return rows;
}

std::string CascadeComparison::verdict() const {
  const bool same_loss = loss_difference.low == 0.0 && loss_difference.high == 0.0;
  const bool same_cost = cost_ratio.low == 1.0 && cost_ratio.high == 1.0;
  const std::string loss_part = better() ? "better" : worse() ? "worse" : same_loss ? "same loss" : "loss undecided";
  const std::string cost_part = cheaper() ? "cheaper" : dearer() ? "dearer" : same_cost ? "same cost" : "cost undecided";
  return loss_part + ", " + cost_part;
}

const CascadeComparison* at_equal_accuracy(const CascadeReport& report, bool within_interval) {
  require(!report.comparison.empty(), "the report has no comparison: evaluate with compare");
  const CascadeComparison* cheapest = nullptr;
  for (const CascadeComparison& row : report.comparison) {
    if (row.model < 0 || !(row.loss <= report.loss || (within_interval && !row.better()))) continue;
    if (cheapest == nullptr || row.mean_cost < cheapest->mean_cost ||
        (row.mean_cost == cheapest->mean_cost && row.loss < cheapest->loss))
      cheapest = &row;
  }
  return cheapest;
}

}  // namespace quorate
