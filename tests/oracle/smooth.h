// Latencies over batch sizes, moved towards a line as src/infer/smooth.h defines it: every step written out.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace quorate::oracle {

inline double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2.0;
}

// Of the lines with either, or both, of fixed cost and cost per sample, the one with least squares of relative errors.
inline std::array<double, 2> best_line(const std::vector<double>& sizes, const std::vector<double>& seconds) {
  std::array<double, 2> best{};
  double least = std::numeric_limits<double>::infinity();
  const auto consider = [&](double fixed, double each) {
    double squares = 0.0;
    for (std::size_t i = 0; i < sizes.size(); ++i) squares += std::pow((fixed + each * sizes[i]) / seconds[i] - 1.0, 2);
    if (fixed >= 0.0 && each >= 0.0 && squares < least) {
      least = squares;
      best = {fixed, each};
    }
  };
  double a = 0, b = 0, c = 0, d = 0, e = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double x = 1.0 / seconds[i], y = sizes[i] / seconds[i];
    a += x * x, b += x * y, c += y * y, d += x, e += y;
  }
  consider(0.0, e / c);
  consider(d / a, 0.0);
  consider((c * d - b * e) / (a * c - b * b), (a * e - b * d) / (a * c - b * b));
  return best;
}

// As smoothed_latencies_s().
inline std::vector<std::vector<double>> smoothed(const std::vector<int>& batch_sizes,
                                                 const std::vector<std::vector<std::vector<double>>>& series) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::size_t count = 0;
  std::vector<std::vector<double>> medians, lines;
  for (const auto& batches : series) {
    medians.emplace_back();
    lines.emplace_back();
    std::vector<double> sizes, seconds;
    for (std::size_t b = 0; b < batches.size(); ++b) {
      medians.back().push_back(batches[b].empty() ? kNever : middle(batches[b]));
      if (batches[b].empty()) continue;
      count = batches[b].size();
      sizes.push_back(batch_sizes[b]);
      seconds.push_back(medians.back().back());
    }
    if (sizes.size() < 3) continue;
    const auto [fixed, each] = best_line(sizes, seconds);
    for (const int size : batch_sizes) lines.back().push_back(fixed + each * size);
  }
  if (count < 3) return medians;

  std::vector<double> moment(count);  // how slow the machine was
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<double> logs;
    for (std::size_t s = 0; s < series.size(); ++s)
      for (std::size_t b = 0; b < batch_sizes.size(); ++b)
        if (!series[s][b].empty()) logs.push_back(std::log(series[s][b][k]) - std::log(medians[s][b]));
    moment[k] = middle(logs);
  }
  double noise = 0.0, distance = 0.0;
  int cells = 0, parameters = 0;
  for (std::size_t s = 0; s < series.size(); ++s) {
    if (lines[s].empty()) continue;
    parameters += 2;
    for (std::size_t b = 0; b < batch_sizes.size(); ++b) {
      if (series[s][b].empty()) continue;
      ++cells;
      distance += std::pow(std::log(medians[s][b]) - std::log(lines[s][b]), 2);
      std::vector<double> logs, deviations;
      for (std::size_t k = 0; k < count; ++k) logs.push_back(std::log(series[s][b][k]) - moment[k]);
      for (const double log : logs) deviations.push_back(std::abs(log - middle(logs)));
      const double runs = static_cast<double>(count);
      const double sigma = 1.4826 * (runs / (runs - 0.8)) * middle(deviations);
      noise += std::numbers::pi / 2 * sigma * sigma / runs;
    }
  }
  if (cells == 0) return medians;
  const double s2 = noise / cells, t2 = distance / (cells - parameters) - s2;
  const double keep = t2 > 0.0 ? t2 / (t2 + s2) : 0.0;
  for (std::size_t s = 0; s < series.size(); ++s)
    for (std::size_t b = 0; b < batch_sizes.size() && !lines[s].empty(); ++b)
      if (!series[s][b].empty())
        medians[s][b] = std::exp(keep * std::log(medians[s][b]) + (1.0 - keep) * std::log(lines[s][b]));
  return medians;
}

}  // namespace quorate::oracle
