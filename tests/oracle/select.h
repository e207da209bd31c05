// Selection by its definition: every step averages every candidate's whole prediction and computes the whole metric.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace quorate::oracle {

struct Case {
  std::size_t models = 0, samples = 0, classes = 0;
  std::vector<float> probs;  // [models, samples, classes]; of "mse": values
  std::vector<int> labels;
  std::vector<double> cost;
  std::vector<float> targets = {};         // [samples, classes] of "mse"
  std::vector<double> sample_weight = {};  // [samples]; empty: all alike

  double p(int m, std::size_t i, std::size_t c) const { return probs[(std::size_t(m) * samples + i) * classes + c]; }
  double weight(std::size_t i) const { return sample_weight.empty() ? 1.0 : sample_weight[i]; }
};

// The lowest of the classes that are as high as the highest, but for rounding.
inline std::size_t answer_of(const std::vector<double>& scores) {
  std::size_t answer = 0;
  while (scores[answer] < *std::max_element(scores.begin(), scores.end()) - 1e-12) ++answer;
  return answer;
}

// A committee's scores of one sample. `weights[m]` of each model; `total` divides.
inline std::vector<double> scores(const Case& data, const std::string& combine, const std::map<int, double>& weights,
                                  double total, std::size_t i) {
  std::vector<double> result(data.classes, 0.0);
  for (const auto& [m, weight] : weights) {
    std::vector<double> own(data.classes);
    for (std::size_t c = 0; c < data.classes; ++c) own[c] = data.p(m, i, c);
    if (combine == "vote") result[std::size_t(std::max_element(own.begin(), own.end()) - own.begin())] += weight;
    for (std::size_t c = 0; c < data.classes; ++c) {
      if (combine == "mean") result[c] += weight * own[c];
      if (combine == "logits") result[c] += weight * double(std::log(std::max(float(own[c]), 1e-15f)));
    }
  }
  for (double& score : result) score /= total;
  if (combine == "logits") {
    const double highest = *std::max_element(result.begin(), result.end());
    double sum = 0.0;
    for (double& score : result) sum += score = std::exp(score - highest);
    for (double& score : result) score /= sum;
  }
  return result;
}

inline double loss(const Case& data, const std::string& metric, const std::map<int, double>& weights, double total,
                   const std::string& combine = "mean") {
  double sum = 0.0, all = 0.0;
  std::vector<double> right(data.classes), truth(data.classes), answered(data.classes);
  for (std::size_t i = 0; i < data.samples; ++i) {
    const std::vector<double> mean = scores(data, combine, weights, total, i);
    const double weight = data.weight(i);
    all += weight;
    if (metric == "mse") {
      for (std::size_t c = 0; c < data.classes; ++c)
        sum += weight * std::pow(mean[c] - double(data.targets[i * data.classes + c]), 2) / double(data.classes);
      continue;
    }
    const auto label = static_cast<std::size_t>(data.labels[i]);
    const std::size_t answer = answer_of(mean);
    truth[label] += weight;
    answered[answer] += weight;
    if (answer == label) right[label] += weight;
    if (metric == "log_loss") sum -= weight * std::log(std::min(1.0, std::max(1e-15, mean[label])));
    if (metric == "accuracy") sum += weight * double(answer != label);
    if (metric == "brier")
      for (std::size_t c = 0; c < data.classes; ++c) sum += weight * std::pow(mean[c] - double(c == label), 2);
  }
  if (metric != "balanced_accuracy" && metric != "macro_f1") return sum / all;
  double share = 0.0, count = 0.0;
  for (std::size_t c = 0; c < data.classes; ++c) {
    const double of = metric == "macro_f1" ? (truth[c] + answered[c]) / 2.0 : truth[c];
    if (of > 0.0) share += right[c] / of, count += 1.0;
  }
  return 1.0 - share / count;
}

struct Options {
  std::string metric = "log_loss";
  int max_size = 1;
  bool with_replacement = true;
  bool parallel = false;
  int caps = 0;
  std::string combine = "mean";
  int sorted_start = 0;
  int patience = 0;
};

inline double cost_of(const Case& data, const std::map<int, double>& weights, bool parallel) {
  double cost = 0.0;
  for (const auto& [m, weight] : weights) cost = parallel ? std::max(cost, data.cost[m]) : cost + data.cost[m];
  return cost;
}

struct Path {
  std::vector<int> picks;
  std::vector<double> losses;
};

inline constexpr double kNoCap = std::numeric_limits<double>::infinity();

// One greedy; `per_cost` and `cap` as select.h describes them. `among` those models; empty: all.
inline Path walk(const Case& data, const Options& options, bool per_cost = false, double cap = kNoCap,
                 const std::set<int>& among = {}) {
  Path path;
  std::map<int, double> counts;
  double now = options.metric == "log_loss" ? std::log(double(data.classes)) : 1.0 - 1.0 / double(data.classes);
  if (options.metric == "mse") {  // of the mean target
    double all = 0.0;
    std::vector<double> means(data.classes);
    for (std::size_t i = 0; i < data.samples; ++i) {
      all += data.weight(i);
      for (std::size_t c = 0; c < data.classes; ++c) means[c] += data.weight(i) * double(data.targets[i * data.classes + c]);
    }
    now = 0.0;
    for (std::size_t i = 0; i < data.samples; ++i)
      for (std::size_t c = 0; c < data.classes; ++c)
        now += data.weight(i) * std::pow(means[c] / all - double(data.targets[i * data.classes + c]), 2);
    now /= all * double(data.classes);
  }
  double least_so_far = std::numeric_limits<double>::infinity();
  int since_least = 0;
  while (int(path.picks.size()) < options.max_size) {
    const double cost_now = cost_of(data, counts, options.parallel);
    std::map<int, double> losses, costs;
    for (int m = 0; m < int(data.models); ++m) {
      if (!options.with_replacement && counts.contains(m)) continue;
      if (!among.empty() && !among.contains(m)) continue;
      auto larger = counts;
      larger[m] += 1.0;
      if (cost_of(data, larger, options.parallel) > cap) continue;
      costs[m] = cost_of(data, larger, options.parallel);
      losses[m] = loss(data, options.metric, larger, double(path.picks.size()) + 1.0, options.combine);
    }
    if (losses.empty()) break;

    // Each candidate's figure, the lowest to win; ties within `tie` of it.
    std::map<int, double> figure = losses;
    bool ratios = false;
    if (int(path.picks.size()) < options.sorted_start) {
      std::map<int, double> alone;
      for (const auto& [m, unused] : losses)
        if (!counts.contains(m)) alone[m] = loss(data, options.metric, {{m, 1.0}}, 1.0, options.combine);
      if (!alone.empty()) figure = alone;
    } else if (per_cost) {
      std::map<int, double> free, dear;
      for (const auto& [m, loss_with] : losses) {
        if (now - loss_with <= 1e-12 * (1.0 + std::abs(now))) continue;
        if (costs[m] <= cost_now)
          free[m] = loss_with;
        else
          dear[m] = -(now - loss_with) / (costs[m] - cost_now);
      }
      ratios = free.empty() && !dear.empty();
      if (ratios) figure = dear;
      if (!free.empty()) figure = free;
    }
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [m, value] : figure) least = std::min(least, value);
    const double tie = ratios ? 1e-9 * std::abs(least) : 1e-12 * (1.0 + std::abs(least));
    int pick = -1;
    for (const auto& [m, value] : figure)
      if (value <= least + tie && (pick < 0 || data.cost[m] < data.cost[pick])) pick = m;

    now = losses[pick];
    counts[pick] += 1.0;
    path.picks.push_back(pick);
    path.losses.push_back(now);
    since_least = now < least_so_far - 1e-12 * (1.0 + std::abs(now)) ? 0 : since_least + 1;
    least_so_far = std::min(least_so_far, now);
    if (options.patience > 0 && since_least == options.patience) break;
  }
  return path;
}

struct Found {
  std::map<int, double> weights;
  double loss = 0.0;
  double cost = 0.0;
  std::string found_by;
};

// By their loss alone, ties to the cheapest and then the first.
inline std::vector<int> best_first(const Case& data, const Options& options) {
  std::map<int, double> left;
  for (int m = 0; m < int(data.models); ++m) left[m] = loss(data, options.metric, {{m, 1.0}}, 1.0, options.combine);
  std::vector<int> order;
  while (!left.empty()) {
    double least = kNoCap;
    for (const auto& [m, loss_alone] : left) least = std::min(least, loss_alone);
    int best = -1;
    for (const auto& [m, loss_alone] : left)
      if (loss_alone <= least + 1e-12 * (1.0 + std::abs(least)) && (best < 0 || data.cost[m] < data.cost[best])) best = m;
    order.push_back(best);
    left.erase(best);
  }
  return order;
}

// What pruning leaves, at every budget at which that may change.
inline std::vector<std::set<int>> pruned_sets(const Case& data, const Options& options) {
  const std::vector<int> order = best_first(data, options);
  const auto cost_of = [&](const std::vector<int>& models) {
    double cost = 0.0;
    for (const int m : models) cost = options.parallel ? std::max(cost, data.cost[m]) : cost + data.cost[m];
    return cost;
  };
  const auto affordable = [&](double budget) {
    std::vector<int> models;
    for (const int m : order)
      if (data.cost[m] <= budget) models.push_back(m);
    return models;
  };
  std::set<double> budgets(data.cost.begin(), data.cost.end());
  for (const double alone : data.cost)
    for (std::vector<int> models = affordable(alone); !models.empty(); models.pop_back()) budgets.insert(cost_of(models));
  std::vector<std::set<int>> sets;
  for (const double budget : budgets) {
    std::vector<int> models = affordable(budget);
    while (cost_of(models) > budget) models.pop_back();
    const std::set<int> left(models.begin(), models.end());
    if (left.size() > 1 && std::find(sets.begin(), sets.end(), left) == sets.end()) sets.push_back(left);
  }
  return sets;
}

// Every ensemble that select() draws its front from, repeats included, in the order of their names' precedence.
inline std::vector<Found> candidates(const Case& data, const Options& options) {
  std::vector<Found> found;
  const auto add = [&](const std::vector<int>& picks, const std::string& found_by) {
    Found one{.weights = {}, .loss = 0.0, .cost = 0.0, .found_by = found_by};
    for (const int m : picks) one.weights[m] += 1.0;
    for (auto& [m, weight] : one.weights) weight /= double(picks.size());
    one.loss = loss(data, options.metric, one.weights, 1.0, options.combine);
    one.cost = cost_of(data, one.weights, options.parallel);
    found.push_back(one);
  };
  const auto add_prefixes = [&](const Path& path, const std::string& found_by) {
    for (std::size_t k = 1; k <= path.picks.size(); ++k) add({path.picks.begin(), path.picks.begin() + long(k)}, found_by);
  };
  for (int m = 0; m < int(data.models); ++m) add({m}, "single");
  const Path plain = walk(data, options);
  add_prefixes(plain, "greedy");
  const double dearest = found.back().cost;
  add_prefixes(walk(data, options, true), "gain per cost");
  double least = dearest;
  for (const double cost : data.cost)
    if (cost > 0.0) least = std::min(least, cost);
  for (int k = 1; k <= options.caps && least < dearest; ++k)
    add_prefixes(walk(data, options, false, least * std::pow(dearest / least, k / (options.caps + 1.0))), "capped greedy");
  const std::vector<std::set<int>> sets = pruned_sets(data, options);
  if (std::max(sets.size(), data.models) <= 3 * std::size_t(options.caps))
    for (const auto& among : sets) add_prefixes(walk(data, options, false, kNoCap, among), "pruned greedy");
  return found;
}

}  // namespace quorate::oracle
