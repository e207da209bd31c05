#include "quorate/select/evaluate_front.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "core/message.h"
#include "select/bootstrap.h"
#include "select/check_options.h"
#include "select/sample_losses.h"
#include "select/scorer.h"

namespace quorate {
namespace {

std::string names_of(const std::map<std::string, double>& costs) {
  std::vector<std::string> names;
  for (const auto& [name, cost] : costs) names.push_back(name);
  return names.empty() ? "without names" : joined(names);
}

void check_arguments(const EnsembleFront& front, const Predictions& held_out, std::span<const Cost> costs,
                     const EvaluateFrontOptions& options) {
  require(front.size() > 0, "front has no points, but must have at least one");
  require(options.draws >= 1, "draws is ", options.draws, ", but must be at least 1");
  require(options.level > 0.0 && options.level < 1.0, "level is ", options.level, ", but must be above 0 and below 1");
  require(options.threads >= 0, "threads is ", options.threads, ", but must be at least 0 (0: one for each core)");
  for (const Cost& cost : costs) check_cost(cost, held_out.models());
  for (std::size_t k = 0; k < front.size(); ++k) {
    try {
      check(front[k], held_out.models());
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(message("front[", k, "]: ", error.what()));
    }
    check_suits({held_out, options.metric, front[k].combine, options.sample_weight, options.threads});
    for (const Cost& cost : costs)
      require(costs.size() == 1 || front[k].costs.contains(cost.name), "costs name ", cost.name, ", but front[", k,
              "] has costs ", names_of(front[k].costs));
  }
}

// The samples of positive weight, which alone a draw may take: results, labels and weights of them.
struct Weighted {
  std::vector<SampleResults> results;
  std::vector<std::int32_t> labels;
  std::vector<double> weight;
};

template <class T>
void keep(std::vector<T>& values, std::span<const double> weight) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (weight[i] > 0.0) values[kept++] = values[i];
  values.resize(kept);
}

Weighted of_positive_weight(std::vector<SampleResults> results, std::span<const std::int32_t> labels,
                            std::span<const double> weight) {
  Weighted all{std::move(results), {labels.begin(), labels.end()}, {weight.begin(), weight.end()}};
  if (weight.empty()) return all;
  for (SampleResults& one : all.results) {
    keep(one.losses, weight);
    keep(one.answers, weight);
  }
  keep(all.labels, weight);
  keep(all.weight, weight);
  return all;
}

Ensemble alone(int model) { return {.members = {model}, .weights = {1.0}}; }

std::vector<double> losses_of_singles(const Predictions& held_out, const EvaluateFrontOptions& options) {
  std::vector<Ensemble> singles;
  for (std::size_t m = 0; m < held_out.models(); ++m) singles.push_back(alone(static_cast<int>(m)));
  return losses(options.metric, held_out, singles, options.threads, options.sample_weight);
}

bool no_dearer(std::size_t model, const Ensemble& ensemble, std::span<const Cost> costs) {
  return std::all_of(costs.begin(), costs.end(), [&](const Cost& cost) {
    const auto named = ensemble.costs.find(cost.name);
    return cost.of_model[model] <= (named == ensemble.costs.end() ? ensemble.cost : named->second);
  });
}

// The model of least loss among those that `allowed` lets pass, ties to the cheapest, then the first; -1 where none does.
template <class Allowed>
int best_single(std::span<const double> losses, std::span<const Cost> costs, const Allowed& allowed) {
  int best = -1;
  const auto better = [&](std::size_t m, std::size_t than) {
    if (losses[m] != losses[than] || costs.empty()) return losses[m] < losses[than];
    return costs[0].of_model[m] < costs[0].of_model[than];
  };
  for (std::size_t m = 0; m < losses.size(); ++m)
    if (allowed(m) && (best < 0 || better(m, static_cast<std::size_t>(best)))) best = static_cast<int>(m);
  return best;
}

std::optional<AsGood> as_good_as_the_best(std::span<const EvaluatedPoint> points, std::span<const Cost> costs) {
  const auto found =
      std::find_if(points.begin(), points.end(), [](const EvaluatedPoint& point) { return point.loss <= point.best.loss; });
  if (costs.empty() || found == points.end()) return std::nullopt;
  const double of_point = found->ensemble.cost, of_model = costs[0].of_model[static_cast<std::size_t>(found->best.model)];
  return AsGood{static_cast<int>(found - points.begin()), of_point == of_model ? 1.0 : of_point / of_model};
}

// What is resampled: the front's points, then the models that they are compared with.
class Comparison {
 public:
  Comparison(const EnsembleFront& front, const Predictions& held_out, const EvaluateFrontOptions& options)
      : held_out_(held_out), options_(options) {
    for (const Ensemble& ensemble : front) add(ensemble);
  }

  void add_single(int model) {
    if (place_.try_emplace(model, results_.size()).second) add(alone(model));
  }

  void resample() {
    const Weighted samples = of_positive_weight(std::move(results_), held_out_.labels(), options_.sample_weight);
    drawn_ = bootstrap({.metric = options_.metric,
                        .labels = samples.labels,
                        .classes = held_out_.classes(),
                        .sample_weight = samples.weight,
                        .draws = options_.draws,
                        .seed = options_.seed,
                        .threads = options_.threads},
                       samples.results);
  }

  EvaluatedPoint point(std::size_t k, const Ensemble& ensemble) const {
    EvaluatedPoint result{.ensemble = ensemble, .loss = losses_[k], .best = {}, .at_cost = {}};
    std::tie(result.loss_low, result.loss_high) = interval(drawn_[k]);
    return result;
  }

  SingleComparison against(int model, std::size_t k) const {
    const std::size_t single = place_.at(model);
    std::vector<double> gains(drawn_[k].size());
    for (std::size_t d = 0; d < gains.size(); ++d) gains[d] = drawn_[single][d] - drawn_[k][d];
    SingleComparison result{.model = model, .loss = losses_[single], .gain = losses_[single] - losses_[k]};
    std::tie(result.gain_low, result.gain_high) = interval(std::move(gains));
    return result;
  }

 private:
  void add(const Ensemble& ensemble) {
    results_.push_back(std::move(sample_results(options_.metric, held_out_, {&ensemble, 1}, options_.threads)[0]));
    losses_.push_back(loss_of(options_.metric, results_.back(), held_out_, options_.sample_weight));
  }

  std::pair<double, double> interval(std::vector<double> values) const {
    const double tail = (1.0 - options_.level) / 2.0;
    const double low = quantile(values, tail);
    return {low, quantile(values, 1.0 - tail)};
  }

  const Predictions& held_out_;
  const EvaluateFrontOptions& options_;
  std::vector<SampleResults> results_;
  std::vector<double> losses_;              // of results_
  std::map<int, std::size_t> place_;        // of a model among them
  std::vector<std::vector<double>> drawn_;  // losses on the draws, of each
};

}  // namespace

FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out, std::span<const Cost> costs,
                               const EvaluateFrontOptions& options) {
  check_arguments(front, held_out, costs, options);
  const std::vector<double> singles = losses_of_singles(held_out, options);
  const int best = best_single(singles, costs, [](std::size_t) { return true; });
  std::vector<int> at_cost;
  for (const Ensemble& ensemble : front)
    at_cost.push_back(
        costs.empty() ? -1 : best_single(singles, costs, [&](std::size_t m) { return no_dearer(m, ensemble, costs); }));

  Comparison comparison(front, held_out, options);
  comparison.add_single(best);
  for (const int model : at_cost)
    if (model >= 0) comparison.add_single(model);
  comparison.resample();

  FrontEvaluation evaluation{options.metric, held_out.samples(), options.draws, options.level, options.seed, {}, {}};
  for (std::size_t k = 0; k < front.size(); ++k) {
    EvaluatedPoint& point = evaluation.points.emplace_back(comparison.point(k, front[k]));
    point.best = comparison.against(best, k);
    if (at_cost[k] >= 0) point.at_cost = comparison.against(at_cost[k], k);
  }
  evaluation.as_good = as_good_as_the_best(evaluation.points, costs);
  return evaluation;
}

FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out, std::span<const double> cost,
                               const EvaluateFrontOptions& options) {
  const Cost only{.of_model = {cost.begin(), cost.end()}};
  return evaluate_front(front, held_out, {&only, 1}, options);
}

FrontEvaluation evaluate_front(const EnsembleFront& front, const Predictions& held_out,
                               const EvaluateFrontOptions& options) {
  return evaluate_front(front, held_out, std::span<const Cost>{}, options);
}

}  // namespace quorate
