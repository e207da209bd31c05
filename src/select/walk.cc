#include "select/walk.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "select/check_options.h"

namespace quorate {
namespace {

constexpr double kRatioTie = 1e-9;

// Costs are summed in the order of the models, so that the same members cost the same however they were found.
double cost_of(const Cost& cost, const Counts& counts, int also) {
  double sum = 0.0;
  for (std::size_t m = 0; m < counts.size(); ++m) {
    if (counts[m] == 0 && static_cast<int>(m) != also) continue;
    sum = cost.parallel ? std::max(sum, cost.of_model[m]) : sum + cost.of_model[m];
  }
  return sum;
}

}  // namespace

double rounding_of(double loss) { return 1e-12 * (1.0 + std::abs(loss)); }

Walker::Walker(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options)
    : predictions_(predictions), costs_(costs.begin(), costs.end()), options_(options), held_(predictions.models(), 0) {
  check_options(predictions, costs, options);
  scorer_ = make_scorer(
      {predictions_, options_.metric, options_.combine, options_.sample_weight, options_.threads, options_.device});
}

Walker::Path Walker::walk(WalkRule rule) {
  if (rule.caps.empty()) rule.caps = budgets();
  Path path;
  Counts counts(models(), 0);
  Candidate now{.loss = loss_of_not_knowing(), .costs = std::vector<double>(costs_.size(), 0.0)};
  double least = std::numeric_limits<double>::infinity();
  int since_least = 0;
  while (path.picks.size() < static_cast<std::size_t>(options_.max_size)) {
    const bool sorted = path.picks.size() < static_cast<std::size_t>(options_.sorted_start);
    // Other walks will want to know of all candidates, but none comes after an exact one.
    std::vector<Candidate> candidates = candidates_after(counts, rule, rule.exact && !sorted && rule.per_cost < 0);
    if (candidates.empty()) break;
    if (sorted)
      now = choose_sorted(counts, candidates);
    else if (rule.per_cost >= 0)
      now = choose_per_cost(counts, std::move(candidates), now, rule.per_cost);
    else
      now = choose_least(counts, std::move(candidates));
    if (rule.exact || options_.patience > 0 || rule.per_cost >= 0) make_exact(counts, now);
    ++counts[static_cast<std::size_t>(now.model)];
    path.picks.push_back(now.model);
    path.losses.push_back(now.loss);
    path.errors.push_back(now.error);
    since_least = now.loss < least - rounding_of(now.loss) ? 0 : since_least + 1;
    least = std::min(least, now.loss);
    if (options_.patience > 0 && since_least >= options_.patience) break;
  }
  return path;
}

std::vector<double> Walker::costs_of(const Counts& counts) const {
  std::vector<double> result;
  for (const Cost& cost : costs_) result.push_back(cost_of(cost, counts, -1));
  return result;
}

std::vector<double> Walker::budgets() const {
  std::vector<double> result;
  for (const Cost& cost : costs_) result.push_back(cost.budget);
  return result;
}

void Walker::hold(const Counts& counts) {
  int picks = 0, missing = 0, spare = 0;
  for (std::size_t m = 0; m < counts.size(); ++m) {
    picks += counts[m];
    missing += std::max(0, counts[m] - held_[m]);
    spare += std::max(0, held_[m] - counts[m]);
  }
  if (spare + missing < picks)
    for (std::size_t m = 0; m < counts.size(); ++m)
      while (held_[m] > counts[m] && scorer_->remove(m)) {
        --held_[m];
        --spare;
      }
  if (spare > 0) {
    scorer_->clear();
    std::fill(held_.begin(), held_.end(), 0);
  }
  for (std::size_t m = 0; m < counts.size(); ++m)
    for (; held_[m] < counts[m]; ++held_[m]) scorer_->add(m);
}

Walker::Known& Walker::known_after(const Counts& counts, std::span<const int> models, bool least_alone) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  Known& known =
      known_.try_emplace(counts, Known{std::vector(counts.size(), kNan), std::vector(counts.size(), kNan)}).first->second;
  std::vector<int> unknown;
  for (const int m : models)
    if (std::isnan(known.loss[static_cast<std::size_t>(m)])) unknown.push_back(m);
  if (unknown.empty()) return known;
  hold(counts);
  ++scored_;
  if (least_alone && unknown.size() == models.size())
    unknown = scorer_->score_least(unknown, known.loss);
  else
    scorer_->score(unknown, known.loss);
  for (const int m : unknown) known.error[static_cast<std::size_t>(m)] = scorer_->error();
  return known;
}

std::vector<Walker::Candidate> Walker::candidates_after(const Counts& counts, const WalkRule& rule, bool least_alone) {
  std::vector<Candidate> candidates;
  std::vector<int> allowed;
  const std::vector<double> now = costs_of(counts);
  const auto consider = [&](int model) {
    const bool member = counts[static_cast<std::size_t>(model)] > 0;
    if (member && !options_.with_replacement) return;
    std::vector<double> costs = now;
    for (std::size_t j = 0; j < costs.size(); ++j) {
      if (!member) costs[j] = cost_of(costs_[j], counts, model);
      if (costs[j] > rule.caps[j]) return;
    }
    candidates.push_back({.model = model, .costs = std::move(costs)});
    allowed.push_back(model);
  };
  if (rule.among.empty())
    for (std::size_t m = 0; m < models(); ++m) consider(static_cast<int>(m));
  else
    for (const int model : rule.among) consider(model);

  const Known& known = known_after(counts, allowed, least_alone);
  for (Candidate& candidate : candidates) {
    candidate.loss = known.loss[static_cast<std::size_t>(candidate.model)];
    candidate.error = known.error[static_cast<std::size_t>(candidate.model)];
  }
  if (least_alone) std::erase_if(candidates, [](const Candidate& candidate) { return std::isnan(candidate.loss); });
  return candidates;
}

void Walker::make_exact(const Counts& counts, Candidate& candidate) {
  if (candidate.error <= 0.5 * rounding_of(candidate.loss)) return;
  const auto m = static_cast<std::size_t>(candidate.model);
  Known& known = known_.at(counts);
  if (known.error[m] > 0.0) {
    hold(counts);
    known.loss[m] = scorer_->exact(m);
    known.error[m] = 0.0;
  }
  candidate.loss = known.loss[m];
  candidate.error = 0.0;
}

Walker::Candidate Walker::choose_least(const Counts& counts, std::vector<Candidate> candidates) {
  // Only those that may tie with the least are told apart.
  double at_most = std::numeric_limits<double>::infinity();
  for (const Candidate& candidate : candidates) at_most = std::min(at_most, candidate.loss + candidate.error);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return candidate.loss - candidate.error > at_most + 2.0 * rounding_of(at_most);
  });
  if (candidates.size() == 1) return candidates[0];
  double least = std::numeric_limits<double>::infinity();
  for (Candidate& candidate : candidates) {
    make_exact(counts, candidate);
    least = std::min(least, candidate.loss);
  }
  const Candidate* best = nullptr;
  for (const Candidate& candidate : candidates)
    if (candidate.loss <= least + rounding_of(least) && (best == nullptr || goes_first(candidate.model, best->model)))
      best = &candidate;
  return *best;
}

Walker::Candidate Walker::choose_per_cost(const Counts& counts, std::vector<Candidate> candidates, const Candidate& now,
                                          int cost) {
  const auto at = static_cast<std::size_t>(cost);
  const auto fall = [&](const Candidate& candidate) { return now.loss - candidate.loss; };
  const auto added = [&](const Candidate& candidate) { return candidate.costs[at] - now.costs[at]; };
  const double rounding = rounding_of(now.loss);
  std::vector<Candidate> free, dear;
  for (Candidate& candidate : candidates) {
    if (std::abs(fall(candidate) - rounding) <= candidate.error) make_exact(counts, candidate);
    if (fall(candidate) > rounding) (added(candidate) <= 0.0 ? free : dear).push_back(candidate);
  }
  if (!free.empty()) return choose_least(counts, std::move(free));
  if (dear.empty()) return choose_least(counts, std::move(candidates));

  double at_least = 0.0;
  for (const Candidate& candidate : dear)
    at_least = std::max(at_least, (fall(candidate) - candidate.error) / added(candidate));
  std::erase_if(dear, [&](const Candidate& candidate) {
    return (fall(candidate) + candidate.error) / added(candidate) < at_least * (1.0 - 2.0 * kRatioTie);
  });
  double greatest = 0.0;
  for (Candidate& candidate : dear) {
    make_exact(counts, candidate);
    greatest = std::max(greatest, fall(candidate) / added(candidate));
  }
  const Candidate* best = nullptr;
  for (const Candidate& candidate : dear)
    if (fall(candidate) / added(candidate) >= greatest * (1.0 - kRatioTie) &&
        (best == nullptr || goes_first(candidate.model, best->model)))
      best = &candidate;
  return *best;
}

// Of the candidates that are no members yet the one of least loss alone; where all are members, as ever.
Walker::Candidate Walker::choose_sorted(const Counts& counts, const std::vector<Candidate>& candidates) {
  const Counts none(models(), 0);
  std::vector<int> others;
  for (const Candidate& candidate : candidates)
    if (counts[static_cast<std::size_t>(candidate.model)] == 0) others.push_back(candidate.model);
  if (others.empty()) return choose_least(counts, candidates);
  std::vector<Candidate> alone =
      candidates_after(none, {.caps = std::vector(costs_.size(), std::numeric_limits<double>::infinity()), .among = others});
  const int best = choose_least(none, std::move(alone)).model;
  Candidate chosen = *std::find_if(candidates.begin(), candidates.end(),
                                   [best](const Candidate& candidate) { return candidate.model == best; });
  make_exact(counts, chosen);
  return chosen;
}

std::vector<int> Walker::best_first() {
  const Counts none(models(), 0);
  std::vector<Candidate> left = candidates_after(none, {.caps = budgets()});
  std::vector<int> order;
  while (!left.empty()) {
    order.push_back(choose_least(none, left).model);
    std::erase_if(left, [&](const Candidate& candidate) { return candidate.model == order.back(); });
  }
  return order;
}

bool Walker::goes_first(int a, int b) const {
  for (const Cost& cost : costs_) {
    const double cost_a = cost.of_model[static_cast<std::size_t>(a)], cost_b = cost.of_model[static_cast<std::size_t>(b)];
    if (cost_a != cost_b) return cost_a < cost_b;
  }
  return a < b;
}

double Walker::loss_of_not_knowing() const {
  if (predictions_.has_values()) return loss_of_mean_target(predictions_, options_.sample_weight);
  const auto classes = static_cast<double>(predictions_.classes());
  return options_.metric == Metric::kLogLoss ? std::log(classes) : 1.0 - 1.0 / classes;
}

}  // namespace quorate
