#include "route/binomial.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

constexpr double kTooSmall = 1e-250;  // below it, products of ratios would end at 0

}  // namespace

// Stirling's series; exact to the last digits from 16 on.
double log_factorial(double n) {
  double product = 1.0;
  while (n < 16) product *= ++n;
  const double inverse = 1 / n;
  const double square = inverse * inverse;
  const double rest = inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)));
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  return (n + 0.5) * std::log(n) - n + kHalfLogTwoPi + rest - std::log(product);
}

BinomialCell::BinomialCell(long n, double p, long k) : n_(n), p_(p), k_(k) { compute(); }

void BinomialCell::compute() {
  mass_ = 0.0;
  cumulated_ = 0.0;
  if (k_ < 0) return;
  if (k_ > n_) {
    cumulated_ = 1.0;
    return;
  }
  const auto n = static_cast<double>(n_);
  const auto k = static_cast<double>(k_);
  mass_ =
      std::exp(log_factorial(n) - log_factorial(k) - log_factorial(n - k) + k * std::log(p_) + (n - k) * std::log1p(-p_));
  // The smaller tail is summed, from its largest term on.
  const bool lower = k <= n * p_;
  double term = mass_;
  double tail = 0.0;
  for (double i = k; lower && i >= 0 && term > 1e-18 * tail; --i) {
    tail += term;
    term *= i / (n - i + 1) * (1 - p_) / p_;
  }
  for (double i = k; !lower && i < n; ++i) {
    term *= (n - i) / (i + 1) * p_ / (1 - p_);
    if (term <= 1e-18 * tail) break;
    tail += term;
  }
  cumulated_ = lower ? tail : 1.0 - tail;
  cumulated_ = std::min(cumulated_, 1.0);
}

void BinomialCell::next_k() {
  ++k_;
  if (k_ < 1 || k_ > n_ || mass_ < kTooSmall) return compute();
  mass_ *= static_cast<double>(n_ - k_ + 1) / static_cast<double>(k_) * p_ / (1 - p_);
  cumulated_ = std::min(1.0, cumulated_ + mass_);
}

void BinomialCell::one_draw_less() {
  --n_;
  if (k_ < 0) return;
  if (k_ > n_ || mass_ < kTooSmall) return compute();
  // X of n draws is X of n - 1 draws plus one: P(X_n <= k) = P(X_(n-1) <= k) - p P(X_(n-1) = k).
  mass_ *= static_cast<double>(n_ + 1 - k_) / (static_cast<double>(n_ + 1) * (1 - p_));
  cumulated_ = std::min(1.0, cumulated_ + p_ * mass_);
}

}  // namespace quorate
