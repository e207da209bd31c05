// Selection by its definition: every step averages every candidate's whole prediction and computes the whole metric.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace quorate::oracle {

struct Case {
  std::size_t models = 0, samples = 0, classes = 0;
  std::vector<float> probs;  // [models, samples, classes]
  std::vector<int> labels;
  std::vector<double> cost;

  double p(int m, std::size_t i, std::size_t c) const { return probs[(std::size_t(m) * samples + i) * classes + c]; }
};

// `weights[m]` of each model; `total` divides, so that whole counts stay exact until the end.
inline double loss(const Case& data, const std::string& metric, const std::map<int, double>& weights, double total) {
  double sum = 0.0;
  for (std::size_t i = 0; i < data.samples; ++i) {
    const auto label = static_cast<std::size_t>(data.labels[i]);
    std::vector<double> mean(data.classes, 0.0);
    for (const auto& [m, weight] : weights)
      for (std::size_t c = 0; c < data.classes; ++c) mean[c] += weight * data.p(m, i, c);
    std::size_t answer = 0;
    for (std::size_t c = 0; c < data.classes; ++c)
      if (mean[c] > mean[answer]) answer = c;
    for (double& p : mean) p /= total;
    if (metric == "log_loss") sum -= std::log(std::min(1.0, std::max(1e-15, mean[label])));
    if (metric == "accuracy") sum += answer != label;
    if (metric == "brier")
      for (std::size_t c = 0; c < data.classes; ++c) sum += (mean[c] - double(c == label)) * (mean[c] - double(c == label));
  }
  return sum / double(data.samples);
}

struct Options {
  std::string metric = "log_loss";
  int max_size = 1;
  bool with_replacement = true;
  bool parallel = false;
  int caps = 0;
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

// One greedy; `per_cost` and `cap` as select.h describes them.
inline Path walk(const Case& data, const Options& options, bool per_cost = false,
                 double cap = std::numeric_limits<double>::infinity()) {
  Path path;
  std::map<int, double> counts;
  double now = options.metric == "log_loss" ? std::log(double(data.classes)) : 1.0 - 1.0 / double(data.classes);
  while (int(path.picks.size()) < options.max_size) {
    const double cost_now = cost_of(data, counts, options.parallel);
    std::map<int, double> losses, costs;
    for (int m = 0; m < int(data.models); ++m) {
      if (!options.with_replacement && counts.contains(m)) continue;
      auto larger = counts;
      larger[m] += 1.0;
      if (cost_of(data, larger, options.parallel) > cap) continue;
      costs[m] = cost_of(data, larger, options.parallel);
      losses[m] = loss(data, options.metric, larger, double(path.picks.size()) + 1.0);
    }
    if (losses.empty()) break;

    // Each candidate's figure, the lowest to win; ties within `tie` of it.
    std::map<int, double> figure = losses;
    bool ratios = false;
    if (per_cost) {
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
  }
  return path;
}

struct Found {
  std::map<int, double> weights;
  double loss = 0.0;
  double cost = 0.0;
  std::string found_by;
};

// Every ensemble that select() draws its front from, repeats included, in the order of their names' precedence.
inline std::vector<Found> candidates(const Case& data, const Options& options) {
  std::vector<Found> found;
  const auto add = [&](const std::vector<int>& picks, const std::string& found_by) {
    Found one{.weights = {}, .loss = 0.0, .cost = 0.0, .found_by = found_by};
    for (const int m : picks) one.weights[m] += 1.0;
    for (auto& [m, weight] : one.weights) weight /= double(picks.size());
    one.loss = loss(data, options.metric, one.weights, 1.0);
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
  return found;
}

}  // namespace quorate::oracle
