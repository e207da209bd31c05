#include "route/count_test.h"

#include <algorithm>
#include <cmath>

#include "route/binomial.h"

namespace quorate {
namespace {

// How far apart the ends of an interval of q lie, in standard deviations of the sum of d. The level is kept for any; the
// test loses about this much of its power.
constexpr double kFine = 0.02;
constexpr double kCoarse = 0.25;
constexpr double kOfBound = 0.05;
constexpr double kLargestScore = 40.0;

// `better` is summed over its mean +- (window x deviation + window^2). By Bernstein's inequality it lies outside with
// probability at most 2 exp(-window^2 / 2), which is little beside delta and is counted as rejected.
double window_of(double delta) { return 4.0 + std::sqrt(2 * std::log(1 / delta)); }

constexpr double kRounding = 1e-8;  // of delta: more than sums of probabilities of a double may be short of

// Tango's score: the deviation of the sum of d from n mean, in standard deviations at the likeliest q under that mean.
double score(double n, double mean, double worse, double better) {
  const double b = -worse - better + (2 * n - better + worse) * mean;
  const double c = -better * mean * (1 - mean);
  const double q = std::max(0.0, (std::sqrt(std::max(0.0, b * b - 8 * n * c)) - b) / (4 * n));
  return (worse - better - n * mean) / std::sqrt(n * (2 * q + mean - mean * mean));
}

// {score <= -c} with ascending limits.
std::vector<long> limits_at(std::size_t n, double mean, double c, std::size_t most_better) {
  std::vector<long> limits(most_better + 1);
  long worse = -1;
  const auto draws = static_cast<double>(n);
  for (std::size_t better = 0; better <= most_better; ++better) {
    const auto rest = static_cast<long>(n - better);
    while (worse < rest && score(draws, mean, static_cast<double>(worse + 1), static_cast<double>(better)) <= -c) ++worse;
    limits[better] = worse;
  }
  return limits;
}

// P(worse <= limit(better)) where P(d = 1) = p_worse and P(d = -1) = p_better, rounded up by what is not summed.
double rejection(std::size_t n, const std::vector<long>& limits, double p_worse, double p_better, double window) {
  if (p_worse + p_better >= 1.0) p_worse = std::max(0.0, 1.0 - p_better - 1e-12);
  const auto limit = [&](long better) { return limits[std::min(static_cast<std::size_t>(better), limits.size() - 1)]; };
  if (p_better <= 0.0) return BinomialCell(static_cast<long>(n), p_worse, limit(0)).cumulated();
  const double middle = static_cast<double>(n) * p_better;
  const double reach = window * std::sqrt(middle) + window * window;
  const long first = std::max(0L, static_cast<long>(middle - reach));
  const long last = std::min(static_cast<long>(n), static_cast<long>(middle + reach));
  BinomialCell better(static_cast<long>(n), p_better, first);
  BinomialCell worse(static_cast<long>(n) - first, p_worse / (1 - p_better), limit(first));
  double rejected = 2 * std::exp(-window * window / 2);
  long at = limit(first);
  for (long b = first;; ++b) {
    rejected += better.mass() * worse.cumulated();
    if (b == last) break;
    better.next_k();
    worse.one_draw_less();
    for (; at < limit(b + 1); ++at) worse.next_k();
  }
  return rejected;
}

// The worst case over an interval of q: intervals [q1, q2], even in the standard deviation of a d.
class Intervals {
 public:
  Intervals(std::size_t n, double mean, double low, double high, double width, double window)
      : n_(n), mean_(mean), window_(window) {
    const double from = std::sqrt(2 * low + mean);
    const double to = std::sqrt(2 * high + mean);
    const auto steps = static_cast<std::size_t>(std::ceil((to - from) * std::sqrt(static_cast<double>(n)) / width));
    for (std::size_t i = 0; i <= steps; ++i) {
      const double u = from + (to - from) * static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(steps, 1));
      ends_.push_back(i == 0 ? low : i == steps ? high : (u * u - mean) / 2);
    }
    if (ends_.size() == 1) ends_.push_back(high);
  }

  // Whether each interval's rejection, at most, is within `level`. The one that failed last is asked first.
  bool within(const std::vector<long>& limits, double level) {
    if (exceeds(limits, level, worst_)) return false;
    for (std::size_t i = 0; i + 1 < ends_.size(); ++i)
      if (exceeds(limits, level, i)) {
        worst_ = i;
        return false;
      }
    return true;
  }

  // At the ends alone: quick, and a little too low.
  double largest_at_ends(const std::vector<long>& limits) const {
    double largest = 0.0;
    for (const double q : ends_) largest = std::max(largest, rejection(n_, limits, mean_ + q, q, window_));
    return largest;
  }

 private:
  bool exceeds(const std::vector<long>& limits, double level, std::size_t i) const {
    return rejection(n_, limits, mean_ + ends_[i], ends_[i + 1], window_) > level * (1 - kRounding);
  }

  std::size_t n_;
  double mean_;
  double window_;
  std::vector<double> ends_;
  std::size_t worst_ = 0;
};

double largest_q(double mean, double most_better) { return std::clamp(most_better, 0.0, (1 - mean) / 2); }

// As many of `better` as a table needs.
std::size_t table_size(std::size_t n, double q, double window) {
  const double middle = static_cast<double>(n) * q;
  return std::min(n, static_cast<std::size_t>(middle + window * std::sqrt(middle) + window * window + 1));
}

}  // namespace

CountTest::CountTest(std::size_t n, double mean, double delta, double most_better) {
  const double q = largest_q(mean, most_better);
  const double window = window_of(delta);
  const std::size_t size = q > 0.0 ? table_size(n, q, window) : 0;
  const Intervals coarse(n, mean, 0.0, q, kCoarse, window);
  double low = 0.0;
  double high = kLargestScore;
  while (high - low > 1e-3) {
    const double c = (low + high) / 2;
    (coarse.largest_at_ends(limits_at(n, mean, c, size)) <= delta ? high : low) = c;
  }
  Intervals fine(n, mean, 0.0, q, kFine, window);
  for (double c = high; c < kLargestScore; c += 0.01) {
    limits_ = limits_at(n, mean, c, size);
    if (fine.within(limits_, delta)) return;
  }
  limits_.assign(1, -1);
}

double share_upper_bound(std::size_t n, std::size_t count, double delta) {
  double low = static_cast<double>(count) / static_cast<double>(n);
  double high = 1.0;
  if (count >= n) return 1.0;
  while (high - low > 1e-9) {
    const double p = (low + high) / 2;
    (BinomialCell(static_cast<long>(n), p, static_cast<long>(count)).cumulated() > delta ? low : high) = p;
  }
  return high;
}

double count_upper_bound(std::size_t n, std::size_t worse, std::size_t better, double delta) {
  const double share = delta / 100;
  const double window = window_of(delta);
  const auto draws = static_cast<double>(n);
  const auto counted = [](std::size_t count) { return static_cast<double>(count); };
  const double q_low = better == 0 ? 0.0 : 1.0 - share_upper_bound(n, n - better, share / 2);
  const double q_high = share_upper_bound(n, better, share / 2);
  const auto rejects = [&](double mean) {
    const double high = largest_q(mean, q_high);
    if (q_low > high) return true;  // no q of the interval is possible with that mean
    if (mean <= 0.0) return false;
    const double c = -score(draws, mean, counted(worse), counted(better));
    const std::vector<long> limits = limits_at(n, mean, c * (1 - 1e-12), table_size(n, high, window));
    if (limits[std::min(better, limits.size() - 1)] < static_cast<long>(worse)) return false;
    return Intervals(n, mean, q_low, high, kOfBound, window).within(limits, delta - share);
  };
  double accepted = (counted(worse) - counted(better)) / draws;
  double rejected = std::min(1.0, std::max(accepted, 0.0) + 5 * std::sqrt(counted(worse + better) + 9) / draws);
  if (!rejects(rejected)) {
    accepted = rejected;
    rejected = 1.0;
  }
  const double tolerance = std::max(1e-6, (rejected - accepted) / 1000);
  while (rejected - accepted > tolerance) {
    const double mean = (accepted + rejected) / 2;
    (rejects(mean) ? rejected : accepted) = mean;
  }
  return rejected;
}

}  // namespace quorate
