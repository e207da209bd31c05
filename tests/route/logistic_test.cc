#include "route/logistic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "quorate/core/random.h"

namespace quorate {
namespace {

// What fit_logistic minimises, straight from its header.
double penalised_loss(MatrixView<const double> x, const std::vector<double>& y, const std::vector<std::size_t>& rows,
                      double ridge, const std::vector<double>& w) {
  double loss = 0.0;
  double standard_intercept = w.back();
  for (std::size_t j = 0; j < x.cols; ++j) {
    double mean = 0.0;
    double variance = 0.0;
    for (const std::size_t row : rows) mean += x(row, j) / static_cast<double>(rows.size());
    for (const std::size_t row : rows)
      variance += (x(row, j) - mean) * (x(row, j) - mean) / static_cast<double>(rows.size());
    loss += ridge / 2 * w[j] * w[j] * variance;
    standard_intercept += w[j] * mean;
  }
  loss += 1e-6 / 2 * standard_intercept * standard_intercept;
  for (const std::size_t row : rows) {
    double z = w.back();
    for (std::size_t j = 0; j < x.cols; ++j) z += w[j] * x(row, j);
    const double s = 1 / (1 + std::exp(-z));
    loss -= y[row] * std::log(s) + (1 - y[row]) * std::log(1 - s);
  }
  return loss;
}

TEST(FitLogistic, NoWeightCanBeMovedForTheBetter) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::size_t rows = 5 + random.below(60);
    const std::size_t cols = random.below(5);
    std::vector<double> values(rows * cols);
    std::vector<double> y(rows);
    std::vector<std::size_t> used;
    for (std::size_t i = 0; i < rows; ++i) {
      double z = 0.3;
      for (std::size_t j = 0; j < cols; ++j) {
        values[i * cols + j] = 100.0 * static_cast<double>(j) + (1.0 + static_cast<double>(j)) * random.normal();
        z += values[i * cols + j] - 100.0 * static_cast<double>(j);
      }
      const bool fractions = seed % 2 == 0;
      y[i] = fractions ? random.uniform() : random.uniform() < 1 / (1 + std::exp(-z)) ? 1.0 : 0.0;
      if (random.below(4) > 0) used.push_back(i);
    }
    if (used.size() < 3) continue;
    const MatrixView<const double> x{values.data(), rows, cols};
    const double ridge = 0.1 + random.uniform();
    const std::vector<double> best = fit_logistic(x, y, used, ridge);
    ASSERT_EQ(best.size(), cols + 1);
    const double least = penalised_loss(x, y, used, ridge, best);
    for (std::size_t j = 0; j <= cols; ++j)
      for (const double step : {-1e-3, 1e-3}) {
        std::vector<double> moved = best;
        moved[j] += step;
        if (j < cols) moved.back() -= step * 100.0 * static_cast<double>(j);
        EXPECT_GE(penalised_loss(x, y, used, ridge, moved), least - 1e-9);
      }
  }
}

TEST(FitLogistic, AConstantFeatureGetsNoWeight) {
  const std::vector<double> values = {0.1, 1, 0.1, 2, 0.1, 3, 0.1, 4};
  const std::vector<double> y = {0, 0, 1, 1};
  const std::vector<std::size_t> rows = {0, 1, 2, 3};
  const std::vector<double> w = fit_logistic({values.data(), 4, 2}, y, rows, 1.0);
  EXPECT_EQ(w[0], 0.0);
  EXPECT_GT(w[1], 0.1);
}

TEST(FitLogistic, StaysFiniteWhereAllAreAlike) {
  const std::vector<double> values = {1, 2, 3};
  const std::vector<std::size_t> rows = {0, 1, 2};
  const std::vector<double> w = fit_logistic({values.data(), 3, 1}, std::vector<double>{1, 1, 1}, rows, 1.0);
  const double p = 1 / (1 + std::exp(-(2 * w[0] + w[1])));
  EXPECT_TRUE(std::isfinite(w[0]) && std::isfinite(w[1]));
  EXPECT_GT(p, 0.99);
}

TEST(SolvePositive, GivesBackWhatWasMultiplied) {
  Random random(4);
  for (std::size_t n = 1; n < 12; ++n) {
    std::vector<double> factor(n * n);
    for (double& one : factor) one = random.normal();
    std::vector<double> a(n * n);
    std::vector<double> z(n);
    std::vector<double> b(n);
    for (std::size_t i = 0; i < n; ++i) z[i] = random.normal();
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) {
        a[i * n + j] = i == j ? 0.5 : 0.0;
        for (std::size_t k = 0; k < n; ++k) a[i * n + j] += factor[i * n + k] * factor[j * n + k];
        b[i] += a[i * n + j] * z[j];
      }
    solve_positive(a, b);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(b[i], z[i], 1e-9);
  }
}

}  // namespace
}  // namespace quorate
