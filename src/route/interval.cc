#include "route/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "route/binomial.h"
#include "select/bootstrap.h"

namespace quorate {
namespace {

constexpr double kFew = 10.0;  // expected: below, inversion is faster, and above, the rejection's constants hold

// p <= 1/2 and n p < kFew.
std::uint64_t by_inversion(Random& random, std::uint64_t n, double p) {
  const double odds = p / (1.0 - p);
  const double none = std::exp(static_cast<double>(n) * std::log1p(-p));
  for (;;) {
    double left = random.uniform();
    double mass = none;
    for (std::uint64_t k = 0; k <= n; ++k) {
      if (left < mass) return k;
      left -= mass;
      mass *= odds * static_cast<double>(n - k) / static_cast<double>(k + 1);
    }  // the masses' sum fell short of 1 by rounding
  }
}

// p <= 1/2 and n p >= kFew.
std::uint64_t by_rejection(Random& random, std::uint64_t trials, double p) {
  const auto n = static_cast<double>(trials);
  const double deviation = std::sqrt(n * p * (1.0 - p));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double centre = n * p + 0.5;
  const double accepted = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double log_odds = std::log(p / (1.0 - p));
  const double mode = std::floor((n + 1.0) * p);
  const double at_mode = log_factorial(mode) + log_factorial(n - mode);
  for (;;) {
    const double u = random.uniform() - 0.5;
    double v = random.uniform();
    const double us = 0.5 - std::abs(u);
    const double k = std::floor((2.0 * a / us + b) * u + centre);
    if (us >= 0.07 && v <= accepted) return static_cast<std::uint64_t>(k);
    if (!(k >= 0.0 && k <= n)) continue;
    v *= alpha / (a / (us * us) + b);
    if (std::log(v) <= at_mode - log_factorial(k) - log_factorial(n - k) + (k - mode) * log_odds)
      return static_cast<std::uint64_t>(k);
  }
}

}  // namespace

double normal_quantile(double p) {
  double low = -40.0;
  double high = 40.0;
  for (int step = 0; step < 64; ++step) {
    const double middle = 0.5 * (low + high);
    (std::erfc(-middle / std::numbers::sqrt2) < 2.0 * p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::pair<double, double> wilson(std::size_t right, std::size_t samples, double level) {
  const double z = normal_quantile((1.0 + level) / 2);
  const auto n = static_cast<double>(samples);
  const double p = static_cast<double>(right) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::clamp(centre - half, 0.0, p), std::clamp(centre + half, p, 1.0)};
}

std::uint64_t binomial(Random& random, std::uint64_t n, double p) {
  if (p > 0.5) return n - binomial(random, n, 1.0 - p);
  if (n == 0 || p <= 0.0) return 0;
  return static_cast<double>(n) * p < kFew ? by_inversion(random, n, p) : by_rejection(random, n, p);
}

CellDraws::CellDraws(std::span<const std::size_t> counts, int draws, Random random)
    : cells_(counts.size()), shares_(static_cast<std::size_t>(draws) * counts.size()) {
  std::size_t samples = 0;
  for (const std::size_t count : counts) samples += count;
  for (std::size_t draw = 0; draw < static_cast<std::size_t>(draws); ++draw) {
    std::uint64_t to_draw = samples;  // not in a cell yet
    std::uint64_t from = samples;     // of the samples, those in this cell and after
    for (std::size_t cell = 0; cell < cells_ && to_draw > 0; ++cell) {
      if (counts[cell] == 0) continue;
      const std::uint64_t drawn =
          counts[cell] == from ? to_draw
                               : binomial(random, to_draw, static_cast<double>(counts[cell]) / static_cast<double>(from));
      shares_[draw * cells_ + cell] = static_cast<double>(drawn) / static_cast<double>(samples);
      to_draw -= drawn;
      from -= counts[cell];
    }
  }
}

std::vector<double> CellDraws::means(std::span<const double> values) const {
  std::vector<double> result;
  result.reserve(cells_ == 0 ? 0 : shares_.size() / cells_);
  for (std::size_t first = 0; first < shares_.size(); first += cells_) {
    double mean = 0.0;
    for (std::size_t cell = 0; cell < cells_; ++cell) mean += shares_[first + cell] * values[cell];
    result.push_back(mean);
  }
  return result;
}

Estimate estimate(double value, std::vector<double> draws, double level) {
  if (draws.empty()) return {value, value, value};
  // A ratio to nothing is infinite, which has no quantile between neighbours.
  constexpr double kLargest = std::numeric_limits<double>::max();
  for (double& draw : draws) draw = std::min(draw, kLargest);
  const auto end = [&](double q) {
    const double found = quantile(draws, q);
    return found > 1e-9 * kLargest ? std::numeric_limits<double>::infinity() : found;
  };
  const double low = end((1.0 - level) / 2.0);
  return {value, low, end((1.0 + level) / 2.0)};
}

}  // namespace quorate
