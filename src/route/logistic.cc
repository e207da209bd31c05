#include "route/logistic.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

constexpr double kInterceptRidge = 1e-6;  // where all y are alike the intercept stays finite
constexpr int kMostSteps = 100;

double log_one_plus_exp(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class LogisticFit {
 public:
  LogisticFit(MatrixView<const double> x, std::span<const double> y, std::span<const std::size_t> rows, double ridge)
      : width_(x.cols + 1), ridge_(ridge), mean_(x.cols, 0.0), scale_(x.cols, 0.0), w_(width_, 0.0) {
    const auto count = static_cast<double>(rows.size());
    for (const std::size_t row : rows)
      for (std::size_t j = 0; j < x.cols; ++j) mean_[j] += x(row, j) / count;
    for (const std::size_t row : rows)
      for (std::size_t j = 0; j < x.cols; ++j) scale_[j] += (x(row, j) - mean_[j]) * (x(row, j) - mean_[j]) / count;
    // Rounding leaves a constant feature a spread of about its last digit.
    for (std::size_t j = 0; j < x.cols; ++j) {
      scale_[j] = std::sqrt(scale_[j]);
      if (!(scale_[j] > 1e-12 * std::abs(mean_[j])) || !std::isfinite(scale_[j])) scale_[j] = 0.0;
    }
    for (const std::size_t row : rows) {
      for (std::size_t j = 0; j < x.cols; ++j) z_.push_back(scale_[j] > 0.0 ? (x(row, j) - mean_[j]) / scale_[j] : 0.0);
      z_.push_back(1.0);
      y_.push_back(y[row]);
    }
  }

  std::vector<double> weights() {
    double before = loss(w_);
    for (int step = 0; step < kMostSteps; ++step) {
      const std::vector<double> direction = newton_direction();
      std::vector<double> next(width_);
      double now = before;
      for (double length = 1.0; length > 1e-6; length /= 2) {
        for (std::size_t j = 0; j < width_; ++j) next[j] = w_[j] - length * direction[j];
        now = loss(next);
        if (now < before) break;
      }
      if (!(now < before)) break;
      w_ = next;
      if (before - now < 1e-10 * before) break;
      before = now;
    }
    std::vector<double> result(width_, 0.0);
    result.back() = w_.back();
    for (std::size_t j = 0; j + 1 < width_; ++j) {
      if (scale_[j] <= 0.0) continue;
      result[j] = w_[j] / scale_[j];
      result.back() -= result[j] * mean_[j];
    }
    return result;
  }

 private:
  std::span<const double> row(std::size_t i) const { return {z_.data() + i * width_, width_}; }
  double ridge(std::size_t j) const { return j + 1 < width_ ? ridge_ : kInterceptRidge; }

  double loss(const std::vector<double>& w) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const double z = product(row(i), w);
      sum += log_one_plus_exp(z) - y_[i] * z;
    }
    for (std::size_t j = 0; j < width_; ++j) sum += ridge(j) / 2 * w[j] * w[j];
    return sum;
  }

  std::vector<double> newton_direction() const {
    std::vector<double> gradient(width_);
    std::vector<double> curvature(width_ * width_);
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const std::span<const double> z = row(i);
      const double s = 1.0 / (1.0 + std::exp(-product(z, w_)));
      for (std::size_t j = 0; j < width_; ++j) {
        gradient[j] += (s - y_[i]) * z[j];
        const double weighted = s * (1.0 - s) * z[j];
        for (std::size_t k = 0; k <= j; ++k) curvature[j * width_ + k] += weighted * z[k];
      }
    }
    for (std::size_t j = 0; j < width_; ++j) {
      gradient[j] += ridge(j) * w_[j];
      curvature[j * width_ + j] += ridge(j);
    }
    solve_positive(curvature, gradient);
    return gradient;
  }

  std::size_t width_;
  double ridge_;
  std::vector<double> mean_;
  std::vector<double> scale_;  // 0: a constant feature
  std::vector<double> z_;      // [rows, width]
  std::vector<double> y_;
  std::vector<double> w_;  // [width], of the standardised features
};

}  // namespace

void solve_positive(std::span<double> a, std::span<double> b) {
  const std::size_t n = b.size();
  // The lower triangle becomes L with a = L L^T.
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k)
      for (std::size_t i = j; i < n; ++i) a[i * n + j] -= a[i * n + k] * a[j * n + k];
    const double pivot = std::sqrt(a[j * n + j]);
    for (std::size_t i = j; i < n; ++i) a[i * n + j] /= pivot;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

std::vector<double> fit_logistic(MatrixView<const double> x, std::span<const double> y, std::span<const std::size_t> rows,
                                 double ridge) {
  return LogisticFit(x, y, rows, ridge).weights();
}

}  // namespace quorate
