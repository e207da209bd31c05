#include "infer/smooth.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "infer/median.h"

namespace quorate {
namespace {

// The cost of a batch at the sizes that ran, of the line that fits best.
std::vector<double> line(const std::vector<double>& sizes, const std::vector<double>& latencies_s) {
  double ones = 0.0, size = 0.0, squares = 0.0, right = 0.0, right_size = 0.0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double weight = 1.0 / (latencies_s[i] * latencies_s[i]);
    ones += weight;
    size += weight * sizes[i];
    squares += weight * sizes[i] * sizes[i];
    right += weight * latencies_s[i];
    right_size += weight * latencies_s[i] * sizes[i];
  }
  const double determinant = ones * squares - size * size;
  double fixed = (squares * right - size * right_size) / determinant;
  double each = (ones * right_size - size * right) / determinant;
  if (fixed < 0.0) {
    fixed = 0.0;
    each = right_size / squares;
  } else if (each < 0.0) {
    fixed = right / ones;
    each = 0.0;
  }
  std::vector<double> result;
  for (const double samples : sizes) result.push_back(fixed + each * samples);
  return result;
}

// What the logarithms of the k-th runs have in common, beyond each batch's median: [runs].
std::vector<double> common(const std::vector<BatchRuns>& series) {
  std::vector<std::vector<double>> beyond;  // [runs][batches that ran]
  for (const BatchRuns& batches : series)
    for (const std::vector<double>& runs : batches) {
      if (runs.empty()) continue;
      beyond.resize(runs.size());
      const double middle = std::log(median(runs));
      for (std::size_t k = 0; k < runs.size(); ++k) beyond[k].push_back(std::log(runs[k]) - middle);
    }
  std::vector<double> result;
  for (std::vector<double>& of_run : beyond) result.push_back(median(std::move(of_run)));
  return result;
}

// Of the logarithm of the median of runs, from their median absolute deviation: normal, with Croux and Rousseeuw's
// correction for few runs (COMPSTAT 1992); a median's variance is pi / 2 times a mean's.
double variance_of_median(const std::vector<double>& runs, const std::vector<double>& in_common) {
  std::vector<double> beyond;
  for (std::size_t k = 0; k < runs.size(); ++k) beyond.push_back(std::log(runs[k]) - in_common[k]);
  const double middle = median(beyond);
  for (double& each : beyond) each = std::abs(each - middle);
  const double n = static_cast<double>(runs.size());
  const double deviation = 1.4826 * n / (n - 0.8) * median(std::move(beyond));
  return std::numbers::pi / 2.0 * deviation * deviation / n;
}

}  // namespace

std::vector<std::vector<double>> smoothed_latencies_s(const std::vector<int>& batch_sizes,
                                                      const std::vector<BatchRuns>& series) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  constexpr std::size_t kLeast = 3;  // runs, and batch sizes: a line through two has no distance
  const std::vector<double> in_common = common(series);
  std::vector<std::vector<double>> result, fitted;
  double noise = 0.0, distances = 0.0, cells = 0.0, free = 0.0;
  for (const BatchRuns& batches : series) {
    std::vector<double> sizes, medians_s;
    std::vector<double>& latencies_s = result.emplace_back();
    for (std::size_t b = 0; b < batches.size(); ++b) {
      latencies_s.push_back(batches[b].empty() ? kNever : median(batches[b]));
      if (batches[b].empty()) continue;
      sizes.push_back(batch_sizes[b]);
      medians_s.push_back(latencies_s.back());
    }
    fitted.emplace_back();
    if (sizes.size() < kLeast || in_common.size() < kLeast) continue;
    fitted.back() = line(sizes, medians_s);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const double distance = std::log(medians_s[i] / fitted.back()[i]);
      distances += distance * distance;
    }
    free += static_cast<double>(sizes.size() - 2);
    cells += static_cast<double>(sizes.size());
    for (const std::vector<double>& runs : batches)
      if (!runs.empty()) noise += variance_of_median(runs, in_common);
  }
  if (cells == 0.0) return result;
  noise /= cells;
  const double real = std::max(0.0, distances / free - noise);
  const double kept = real > 0.0 ? real / (real + noise) : 0.0;
  for (std::size_t s = 0; s < result.size(); ++s) {
    std::size_t next = 0;
    for (double& latency_s : result[s]) {
      if (fitted[s].empty() || latency_s == kNever) continue;
      const double on_line = fitted[s][next++];
      latency_s = on_line * std::pow(latency_s / on_line, kept);
    }
  }
  return result;
}

}  // namespace quorate
