#include "quorate/select/select.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "select/walk.h"

namespace quorate {
namespace {

// The ensemble of the first `size` picks, members ascending.
Ensemble prefix(const GreedyPath& path, std::size_t size, const Walker& walker, const std::string& found_by) {
  std::map<int, int> counts;
  for (std::size_t i = 0; i < size; ++i) ++counts[path.picks[i]];
  Ensemble ensemble;
  for (const auto& [model, count] : counts) {
    ensemble.members.push_back(model);
    ensemble.weights.push_back(static_cast<double>(count) / static_cast<double>(size));
  }
  ensemble.loss = path.losses[size - 1];
  ensemble.cost = walker.cost_of(ensemble.members);
  ensemble.found_by = found_by;
  return ensemble;
}

// Those not among the candidates already: many walks begin alike.
void add_prefixes(std::vector<Ensemble>& candidates, const GreedyPath& path, const Walker& walker,
                  const std::string& found_by) {
  for (std::size_t size = 1; size <= path.picks.size(); ++size) {
    Ensemble ensemble = prefix(path, size, walker, found_by);
    const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const Ensemble& other) {
      return other.members == ensemble.members && other.weights == ensemble.weights;
    });
    if (!known) candidates.push_back(std::move(ensemble));
  }
}

// `count` budgets in geometric progression strictly between the least positive cost of a model and `dearest`.
std::vector<double> caps_below(double dearest, std::span<const double> cost, int count) {
  double least = dearest;
  for (const double of_model : cost)
    if (of_model > 0.0) least = std::min(least, of_model);
  std::vector<double> caps;
  if (least < dearest)
    for (int k = 1; k <= count; ++k) caps.push_back(least * std::pow(dearest / least, k / (count + 1.0)));
  return caps;
}

}  // namespace

GreedyPath greedy(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  return Walker(predictions, cost, options).walk();
}

EnsembleFront select(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  Walker walker(predictions, cost, options);
  std::vector<Ensemble> candidates;
  const std::vector<double> of_singles = walker.losses_of_singles();
  for (std::size_t m = 0; m < predictions.models(); ++m)
    candidates.push_back(prefix({{static_cast<int>(m)}, {of_singles[m]}}, 1, walker, "single"));

  const GreedyPath plain = walker.walk();
  add_prefixes(candidates, plain, walker, "greedy");
  add_prefixes(candidates, walker.walk({.per_cost = true}), walker, "gain per cost");
  const double dearest = prefix(plain, plain.picks.size(), walker, "greedy").cost;
  for (const double cap : caps_below(dearest, cost, options.caps))
    add_prefixes(candidates, walker.walk({.cap = cap}), walker, "capped greedy");

  // What a scorer sums as counts, loss() sums as weights. The last bits differ, and with them the answers of samples on
  // which two classes are tied: accuracy is measured before the front is drawn, the other metrics only where it has been.
  const auto measure = [&](Ensemble& ensemble) {
    ensemble.loss = loss(options.metric, predictions, ensemble, options.threads);
  };
  if (options.metric == Metric::kAccuracy) {
    for (Ensemble& ensemble : candidates)
      if (ensemble.members.size() > 1) measure(ensemble);
    return EnsembleFront(std::move(candidates));
  }
  const EnsembleFront front(std::move(candidates));
  std::vector<Ensemble> measured(front.begin(), front.end());
  std::for_each(measured.begin(), measured.end(), measure);
  return EnsembleFront(std::move(measured));
}

}  // namespace quorate
