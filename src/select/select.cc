#include "quorate/select/select.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quorate/core/random.h"
#include "select/swap.h"
#include "select/walk.h"

namespace quorate {
namespace {

constexpr int kSwapRounds = 3;
constexpr std::int64_t kExhaustive = 1000;  // so few partial ensembles are all looked at: 16 models by up to 4 picks

// Of the first `size` picks, in lowest terms: a model picked twice is that model.
Found picked(const Walker& walker, const std::vector<int>& picks, std::size_t size, double loss, const std::string& by) {
  Found found{.counts = Counts(walker.models(), 0), .picks = static_cast<int>(size), .loss = loss, .by = by};
  for (std::size_t i = 0; i < size; ++i) ++found.counts[static_cast<std::size_t>(picks[i])];
  const int common = std::accumulate(found.counts.begin(), found.counts.end(), 0, std::gcd<int, int>);
  for (int& count : found.counts) count /= common;
  found.picks /= common;
  found.costs = walker.costs_of(found.counts);
  return found;
}

// Those that were not found before: many walks begin alike.
void add_prefixes(std::vector<Found>& found, const GreedyPath& path, const Walker& walker, const std::string& by) {
  for (std::size_t size = 1; size <= path.picks.size(); ++size) {
    Found prefix = picked(walker, path.picks, size, path.losses[size - 1], by);
    if (std::none_of(found.begin(), found.end(), [&](const Found& other) { return other.counts == prefix.counts; }))
      found.push_back(std::move(prefix));
  }
}

void add_singles(std::vector<Found>& found, Walker& walker) {
  const Counts none(walker.models(), 0);
  for (Walker::Candidate& candidate : walker.candidates_after(none, {.caps = walker.budgets()})) {
    walker.make_exact(none, candidate);
    found.push_back(picked(walker, {candidate.model}, 1, candidate.loss, "single"));
  }
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

void add_capped(std::vector<Found>& found, Walker& walker, const std::vector<double>& costs_of_plain) {
  for (std::size_t j = 0; j < walker.costs().size(); ++j)
    for (const double cap : caps_below(costs_of_plain[j], walker.costs()[j].of_model, walker.options().caps)) {
      std::vector<double> caps = walker.budgets();
      caps[j] = std::min(caps[j], cap);
      add_prefixes(found, walker.walk({.caps = std::move(caps)}), walker, "capped greedy");
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

Ensemble ensemble_of(const Found& found, const Walker& walker) {
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
  return Walker(predictions, {&only, 1}, options).walk();
}

EnsembleFront select(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  const Cost only{.of_model = {cost.begin(), cost.end()}};
  return select(predictions, {&only, 1}, options);
}

EnsembleFront select(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options) {
  Walker walker(predictions, costs, options);
  std::vector<Found> found;
  add_singles(found, walker);
  const GreedyPath plain = walker.walk();
  add_prefixes(found, plain, walker, "greedy");
  const std::vector<double> costs_of_plain = picked(walker, plain.picks, plain.picks.size(), 0.0, "").costs;
  for (std::size_t j = 0; j < costs.size(); ++j)
    add_prefixes(found, walker.walk({.per_cost = static_cast<int>(j)}), walker, "gain per cost");
  add_capped(found, walker, costs_of_plain);

  std::vector<int> of_all_bags;
  for (int number = 0; number < options.bags; ++number) {
    const GreedyPath path = walker.walk({.among = bag(walker.models(), options, number)});
    add_prefixes(found, path, walker, "bagged greedy");
    of_all_bags.insert(of_all_bags.end(), path.picks.begin(), path.picks.end());
  }
  std::vector<Found> front = non_dominated(std::move(found));
  if (!of_all_bags.empty()) {
    Found all = picked(walker, of_all_bags, of_all_bags.size(), 0.0, "bagged greedy");
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
    front = few ? exhaust(walker, std::move(front)) : improve(walker, std::move(front), kSwapRounds);
  }

  // What a scorer sums as counts, loss() sums as weights. The last bits differ, and with them the answers of samples on
  // which two classes are tied: what is said of a point is what loss() says of it.
  std::vector<Ensemble> measured;
  for (const Found& point : front) {
    measured.push_back(ensemble_of(point, walker));
    measured.back().loss = loss(options.metric, predictions, measured.back(), options.threads, options.sample_weight);
  }
  return EnsembleFront(std::move(measured));
}

}  // namespace quorate
