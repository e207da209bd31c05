#include "quorate/select/select.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quorate/core/random.h"
#include "select/prune.h"
#include "select/sample_losses.h"
#include "select/swap.h"
#include "select/walk.h"

namespace quorate {
namespace {

constexpr std::int64_t kExhaustive = 1000;  // so few partial ensembles are all looked at: 16 models by up to 4 picks

// How many sets of picks a local search may score: more where that takes no time.
std::int64_t most_scored(const Predictions& predictions, const SelectOptions& options) {
  constexpr double kWork = 2e8;  // scores read
  const bool true_class_alone = options.metric == Metric::kLogLoss && options.combine == Pooling::kMean;
  const double scores = static_cast<double>(predictions.models() * predictions.samples()) *
                        (true_class_alone ? 1.0 : static_cast<double>(predictions.classes()));
  return std::llround(std::clamp(kWork / scores, 64.0, 4096.0));
}

// Of the first `size` picks, in lowest terms: a model picked twice is that model.
FoundEnsemble picked(const Walker& walker, const std::vector<int>& picks, std::size_t size, double loss, double error,
                     const std::string& by) {
  FoundEnsemble found{
      .counts = Counts(walker.models(), 0), .picks = static_cast<int>(size), .loss = loss, .error = error, .by = by};
  for (std::size_t i = 0; i < size; ++i) ++found.counts[static_cast<std::size_t>(picks[i])];
  const int common = std::accumulate(found.counts.begin(), found.counts.end(), 0, std::gcd<int, int>);
  for (int& count : found.counts) count /= common;
  found.picks /= common;
  found.costs = walker.costs_of(found.counts);
  return found;
}

// Those that were not found before: many walks begin alike.
void add_prefixes(std::vector<FoundEnsemble>& found, const Walker::Path& path, const Walker& walker, const std::string& by) {
  for (std::size_t size = 1; size <= path.picks.size(); ++size) {
    FoundEnsemble prefix = picked(walker, path.picks, size, path.losses[size - 1], path.errors[size - 1], by);
    if (std::none_of(found.begin(), found.end(), [&](const FoundEnsemble& other) {
          return other.picks == prefix.picks && other.counts == prefix.counts;
        }))
      found.push_back(std::move(prefix));
  }
}

void add_singles(std::vector<FoundEnsemble>& found, Walker& walker) {
  const Counts none(walker.models(), 0);
  for (const Walker::Candidate& candidate : walker.candidates_after(none, {.caps = walker.budgets()}))
    found.push_back(picked(walker, {candidate.model}, 1, candidate.loss, candidate.error, "single"));
}

// `count` caps in geometric progression strictly between the least positive cost of a model and `dearest`.
std::vector<double> caps_below(double dearest, std::span<const double> cost, int count) {
  double least = dearest;
  for (const double of_model : cost)
    if (of_model > 0.0) least = std::min(least, of_model);
  std::vector<double> caps;
  if (least < dearest)
    for (int k = 1; k <= count; ++k) caps.push_back(least * std::pow(dearest / least, k / (count + 1.0)));
  return caps;
}

void add_capped(std::vector<FoundEnsemble>& found, Walker& walker, const std::vector<double>& costs_of_plain) {
  for (std::size_t j = 0; j < walker.costs().size(); ++j)
    for (const double cap : caps_below(costs_of_plain[j], walker.costs()[j].of_model, walker.options().caps)) {
      std::vector<double> caps = walker.budgets();
      caps[j] = std::min(caps[j], cap);
      add_prefixes(found, walker.walk({.caps = std::move(caps)}), walker, "capped greedy");
    }
}

void add_pruned(std::vector<FoundEnsemble>& found, Walker& walker) {
  const auto most = 3 * static_cast<std::size_t>(walker.options().caps);
  if (walker.models() > most) return;
  const std::vector<int> best_first = walker.best_first();
  for (const Cost& cost : walker.costs()) {
    std::vector<std::vector<int>> sets = pruned_sets(best_first, cost);
    if (sets.size() > most) continue;
    for (std::vector<int>& models : sets)
      add_prefixes(found, walker.walk({.among = std::move(models)}), walker, "pruned greedy");
  }
}

// Models of one bag, ascending: the first of a shuffle.
std::vector<int> bag(std::size_t models, const SelectOptions& options, int number) {
  std::vector<int> order(models);
  std::iota(order.begin(), order.end(), 0);
  Random random(options.seed, static_cast<std::uint64_t>(number));
  const auto size = static_cast<std::size_t>(std::ceil(options.bag_fraction * static_cast<double>(models)));
  for (std::size_t i = 0; i < size; ++i) std::swap(order[i], order[i + random.below(models - i)]);
  order.resize(size);
  std::sort(order.begin(), order.end());
  return order;
}

Ensemble ensemble_of(const FoundEnsemble& found, const Walker& walker) {
  Ensemble ensemble{.members = {}, .weights = {}, .loss = found.loss, .cost = found.costs[0], .found_by = found.by};
  for (std::size_t m = 0; m < found.counts.size(); ++m)
    if (found.counts[m] > 0) {
      ensemble.members.push_back(static_cast<int>(m));
      ensemble.weights.push_back(static_cast<double>(found.counts[m]) / static_cast<double>(found.picks));
    }
  ensemble.combine = walker.options().combine;
  if (walker.costs().size() > 1)
    for (std::size_t j = 0; j < found.costs.size(); ++j) ensemble.costs[walker.costs()[j].name] = found.costs[j];
  return ensemble;
}

}  // namespace

GreedyPath greedy(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  const Cost only{.of_model = {cost.begin(), cost.end()}};
  Walker walker(predictions, {&only, 1}, options);
  Walker::Path path = walker.walk({.exact = true});
  return {.picks = std::move(path.picks), .losses = std::move(path.losses)};
}

EnsembleFront select(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  const Cost only{.of_model = {cost.begin(), cost.end()}};
  return select(predictions, {&only, 1}, options);
}

EnsembleFront select(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options) {
  Walker walker(predictions, costs, options);
  std::vector<FoundEnsemble> found;
  add_singles(found, walker);
  const Walker::Path plain = walker.walk();
  add_prefixes(found, plain, walker, "greedy");
  const std::vector<double> costs_of_plain = picked(walker, plain.picks, plain.picks.size(), 0.0, 0.0, "").costs;
  for (std::size_t j = 0; j < costs.size(); ++j)
    add_prefixes(found, walker.walk({.per_cost = static_cast<int>(j)}), walker, "gain per cost");
  add_capped(found, walker, costs_of_plain);
  add_pruned(found, walker);

  std::vector<int> of_all_bags;
  for (int number = 0; number < options.bags; ++number) {
    const Walker::Path path = walker.walk({.among = bag(walker.models(), options, number)});
    add_prefixes(found, path, walker, "bagged greedy");
    of_all_bags.insert(of_all_bags.end(), path.picks.begin(), path.picks.end());
  }
  std::vector<FoundEnsemble> front = non_dominated(std::move(found));
  if (!of_all_bags.empty()) {
    FoundEnsemble all = picked(walker, of_all_bags, of_all_bags.size(), 0.0, 0.0, "bagged greedy");
    const std::vector<double> budgets = walker.budgets();
    if (std::equal(all.costs.begin(), all.costs.end(), budgets.begin(),
                   [](double of_all, double most) { return of_all <= most; })) {
      all.loss = loss(options.metric, predictions, ensemble_of(all, walker), options.threads, options.sample_weight);
      front.push_back(std::move(all));
      front = non_dominated(std::move(front));
    }
  }
  if (options.swaps) {
    const bool few = partial_ensembles(walker.models(), options, kExhaustive) < kExhaustive;
    front = few ? exhaust(walker, std::move(front)) : improve(walker, std::move(front), most_scored(predictions, options));
  }

  std::vector<Ensemble> points;
  for (const FoundEnsemble& point : front) points.push_back(ensemble_of(point, walker));
  const std::vector<double> measured = losses(options.metric, predictions, points, options.threads, options.sample_weight);
  for (std::size_t i = 0; i < points.size(); ++i) points[i].loss = measured[i];
  return EnsembleFront(std::move(points));
}

}  // namespace quorate
