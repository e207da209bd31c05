#include "route/betting.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

constexpr double kTruncation = 0.75;  // of the bet that could lose everything

double unit(std::int8_t d) { return (d + 1) / 2.0; }  // the test is written for values in [0, 1]

}  // namespace

double log_capital(std::span<const std::int8_t> d, double mean, double delta) {
  const double m = (mean + 1) / 2;
  const double largest_bet = kTruncation / (1 - m);
  const auto n = static_cast<double>(d.size());
  // Estimates from the samples before the one that is bet on, started at the middle.
  double sum = 0.5;
  double squares = 0.25;
  double variance = 0.25;
  double capital = 0.0;
  double most = 0.0;
  double seen = 0.0;
  for (const std::int8_t value : d) {
    const double x = unit(value);
    const double bet = std::min(std::sqrt(2 * std::log(1 / delta) / (n * variance)), largest_bet);
    capital += std::log1p(bet * (m - x));
    most = std::max(most, capital);
    seen += 1;
    sum += x;
    const double estimate = sum / (seen + 1);
    squares += (x - estimate) * (x - estimate);
    variance = squares / (seen + 1);
  }
  return most;
}

double upper_bound(std::span<const std::int8_t> d, double delta) {
  double accepted = -1.0;
  double rejected = 1.0;
  while (rejected - accepted > 1e-9) {
    const double middle = (accepted + rejected) / 2;
    (log_capital(d, middle, delta) >= std::log(1 / delta) ? rejected : accepted) = middle;
  }
  return rejected;
}

}  // namespace quorate
