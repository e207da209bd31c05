#include "select/walk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/message.h"

namespace quorate {
namespace {

// What two losses of equal ensembles may differ by when they are summed in different orders.
double rounding_of(double loss) { return 1e-12 * (1.0 + std::abs(loss)); }

constexpr double kRatioTie = 1e-9;

std::vector<int> members_of(const std::vector<int>& counts) {
  std::vector<int> members;
  for (std::size_t m = 0; m < counts.size(); ++m)
    if (counts[m] > 0) members.push_back(static_cast<int>(m));
  return members;
}

void check_arguments(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options) {
  require(cost.size() == predictions.models(), "cost has ", cost.size(), " entries, but there are ", predictions.models(),
          " models");
  for (std::size_t m = 0; m < cost.size(); ++m)
    require(std::isfinite(cost[m]) && cost[m] >= 0.0, "cost[", m, "] is ", cost[m], ", but must be finite and not negative");
  require(options.max_size >= 1, "max_size is ", options.max_size, ", but must be at least 1");
  require(options.caps >= 0, "caps is ", options.caps, ", but must be at least 0");
  require(options.threads >= 0, "threads is ", options.threads, ", but must be at least 0 (0: one for each core)");
  check_suits(options.metric, predictions);
}

}  // namespace

std::unique_ptr<Scorer> make_scorer(Metric metric, const Predictions& predictions, int threads) {
  if (metric == Metric::kLogLoss) return make_log_loss_scorer(predictions, threads);
  if (metric == Metric::kAccuracy) return make_accuracy_scorer(predictions, threads);
  return make_brier_scorer(predictions, threads);
}

Walker::Walker(const Predictions& predictions, std::span<const double> cost, const SelectOptions& options)
    : predictions_(predictions), cost_(cost), options_(options), held_(predictions.models(), 0) {
  check_arguments(predictions, cost, options);
  scorer_ = make_scorer(options.metric, predictions, options.threads);
}

GreedyPath Walker::walk(const WalkRule& rule) {
  GreedyPath path;
  std::vector<int> counts(cost_.size(), 0);
  double loss = loss_of_not_knowing();
  double cost = 0.0;
  while (path.picks.size() < static_cast<std::size_t>(options_.max_size)) {
    const std::vector<Candidate> candidates = candidates_after(counts, rule.cap);
    if (candidates.empty()) break;
    const int pick = rule.per_cost ? greatest_fall_per_cost(candidates, loss, cost) : least_loss(candidates);
    loss = losses_after(counts, {&pick, 1})[static_cast<std::size_t>(pick)];
    ++counts[static_cast<std::size_t>(pick)];
    cost = cost_of(members_of(counts));
    path.picks.push_back(pick);
    path.losses.push_back(loss);
  }
  return path;
}

double Walker::cost_of(std::span<const int> members) const {
  double cost = 0.0;
  for (const int member : members) {
    const double of_member = cost_[static_cast<std::size_t>(member)];
    cost = options_.parallel ? std::max(cost, of_member) : cost + of_member;
  }
  return cost;
}

std::vector<double> Walker::losses_of_singles() {
  std::vector<int> all(cost_.size());
  std::iota(all.begin(), all.end(), 0);
  return losses_after(std::vector<int>(cost_.size(), 0), all);
}

const std::vector<double>& Walker::losses_after(const std::vector<int>& counts, std::span<const int> models) {
  std::vector<double>& losses =
      known_.try_emplace(counts, counts.size(), std::numeric_limits<double>::quiet_NaN()).first->second;
  std::vector<int> unknown;
  for (const int m : models)
    if (std::isnan(losses[static_cast<std::size_t>(m)])) unknown.push_back(m);
  if (unknown.empty()) return losses;

  const bool goes_on =
      std::equal(held_.begin(), held_.end(), counts.begin(), [](int held, int wanted) { return held <= wanted; });
  if (!goes_on) {
    scorer_->clear();
    std::fill(held_.begin(), held_.end(), 0);
  }
  for (std::size_t m = 0; m < counts.size(); ++m)
    for (; held_[m] < counts[m]; ++held_[m]) scorer_->add(m);
  scorer_->score(unknown, losses);
  return losses;
}

std::vector<Walker::Candidate> Walker::candidates_after(const std::vector<int>& counts, double cap) {
  const std::vector<int> members = members_of(counts);
  const double cost = cost_of(members);
  std::vector<Candidate> candidates;
  std::vector<int> allowed;
  for (std::size_t m = 0; m < counts.size(); ++m) {
    if (counts[m] > 0 && !options_.with_replacement) continue;
    const int model = static_cast<int>(m);
    double with_it = cost;
    if (counts[m] == 0) {
      std::vector<int> larger = members;
      larger.insert(std::upper_bound(larger.begin(), larger.end(), model), model);
      with_it = cost_of(larger);
    }
    if (with_it > cap) continue;
    candidates.push_back({model, 0.0, with_it});
    allowed.push_back(model);
  }
  const std::vector<double>& losses = losses_after(counts, allowed);
  for (Candidate& candidate : candidates) candidate.loss = losses[static_cast<std::size_t>(candidate.model)];
  return candidates;
}

int Walker::least_loss(std::span<const Candidate> candidates) const {
  double least = candidates.front().loss;
  for (const Candidate& candidate : candidates) least = std::min(least, candidate.loss);
  int best = -1;
  for (const Candidate& candidate : candidates)
    if (candidate.loss <= least + rounding_of(least) && (best < 0 || goes_first(candidate.model, best)))
      best = candidate.model;
  return best;
}

int Walker::greatest_fall_per_cost(std::span<const Candidate> candidates, double loss, double cost) const {
  std::vector<Candidate> free;
  double greatest = 0.0;
  const auto falls = [&](const Candidate& candidate) { return loss - candidate.loss > rounding_of(loss); };
  const auto ratio = [&](const Candidate& candidate) { return (loss - candidate.loss) / (candidate.cost - cost); };
  for (const Candidate& candidate : candidates) {
    if (!falls(candidate)) continue;
    if (candidate.cost <= cost)
      free.push_back(candidate);
    else
      greatest = std::max(greatest, ratio(candidate));
  }
  if (!free.empty()) return least_loss(free);
  int best = -1;
  for (const Candidate& candidate : candidates)
    if (falls(candidate) && ratio(candidate) >= greatest * (1.0 - kRatioTie) &&
        (best < 0 || goes_first(candidate.model, best)))
      best = candidate.model;
  return best >= 0 ? best : least_loss(candidates);
}

bool Walker::goes_first(int a, int b) const {
  const double cost_a = cost_[static_cast<std::size_t>(a)];
  const double cost_b = cost_[static_cast<std::size_t>(b)];
  return cost_a != cost_b ? cost_a < cost_b : a < b;
}

double Walker::loss_of_not_knowing() const {
  const auto classes = static_cast<double>(predictions_.classes());
  return options_.metric == Metric::kLogLoss ? std::log(classes) : 1.0 - 1.0 / classes;
}

}  // namespace quorate
