// Held-out losses with intervals by their definition: every draw is made whole, its metric comes from a confusion matrix.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate::oracle {

using Table = std::vector<std::vector<double>>;  // [samples][classes]

inline Table scores_of(const Predictions& data, const Ensemble& ensemble) {
  const std::size_t classes = data.classes();
  Table scores(data.samples(), std::vector<double>(classes, 0.0));
  for (std::size_t i = 0; i < data.samples(); ++i) {
    for (std::size_t k = 0; k < ensemble.members.size(); ++k) {
      std::vector<float> p(classes);
      data.read(std::size_t(ensemble.members[k]), i, 1, p.data());
      const auto vote = std::size_t(std::max_element(p.begin(), p.end()) - p.begin());
      for (std::size_t c = 0; c < classes; ++c) {
        double score = p[c];
        if (ensemble.combine == Pooling::kVote) score = c == vote;
        if (ensemble.combine == Pooling::kLogits) score = std::log(std::max(1e-15, double(p[c])));
        scores[i][c] += ensemble.weights[k] * score;
      }
    }
    if (ensemble.combine != Pooling::kLogits) continue;
    double sum = 0.0;
    for (double& score : scores[i]) sum += score = std::exp(score);
    for (double& score : scores[i]) score /= sum;
  }
  return scores;
}

// The metric of the samples named, repeats counted as often as they come.
inline double metric_of(const std::string& metric, const Predictions& data, const Table& scores,
                        const std::vector<std::size_t>& samples, const std::vector<double>& weight) {
  const std::size_t classes = data.classes();
  Table confusion(classes, std::vector<double>(classes, 0.0));  // [truth][answer]
  double sum = 0.0, weights = 0.0;
  for (const std::size_t i : samples) {
    const std::vector<double>& p = scores[i];
    const double w = weight.empty() ? 1.0 : weight[i];
    weights += w;
    if (metric == "mse") {
      for (std::size_t c = 0; c < classes; ++c)
        sum += w * std::pow(p[c] - double(data.targets()[i * classes + c]), 2) / double(classes);
      continue;
    }
    const auto truth = std::size_t(data.labels()[i]);
    const auto answer = std::size_t(std::max_element(p.begin(), p.end()) - p.begin());
    confusion[truth][answer] += w;
    if (metric == "log_loss") sum -= w * std::log(std::min(1.0, std::max(1e-15, p[truth])));
    if (metric == "accuracy") sum += w * double(answer != truth);
    if (metric == "brier")
      for (std::size_t c = 0; c < classes; ++c) sum += w * std::pow(p[c] - double(c == truth), 2);
  }
  if (metric != "balanced_accuracy" && metric != "macro_f1") return sum / weights;
  double right = 0.0, present = 0.0;
  for (std::size_t c = 0; c < classes; ++c) {
    double truths = 0.0, answers = 0.0;
    for (std::size_t other = 0; other < classes; ++other) truths += confusion[c][other], answers += confusion[other][c];
    const double all = metric == "macro_f1" ? (truths + answers) / 2.0 : truths;
    if (all <= 0.0) continue;
    right += confusion[c][c] / all;
    present += 1.0;
  }
  return 1.0 - right / present;
}

// The samples of each draw.
inline std::vector<std::vector<std::size_t>> draws_of(std::size_t samples, const std::vector<double>& weight, int draws,
                                                      std::uint64_t seed) {
  std::vector<std::size_t> from;
  for (std::size_t i = 0; i < samples; ++i)
    if (weight.empty() || weight[i] > 0.0) from.push_back(i);
  std::vector<std::vector<std::size_t>> result;
  for (int d = 0; d < draws; ++d) {
    Random random(seed, std::uint64_t(d));
    result.emplace_back();
    for (std::size_t i = 0; i < from.size(); ++i) result.back().push_back(from[random.below(from.size())]);
  }
  return result;
}

inline double quantile_of(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * double(values.size() - 1);
  const auto below = std::size_t(std::floor(place));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - double(below)) * (values[above] - values[below]);
}

}  // namespace quorate::oracle
