// The slow, obvious versions of what calibrate() rests on.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <set>
#include <vector>

#include "quorate/route/cascade.h"
#include "route/trace.h"

namespace quorate::oracle {

inline double choose(std::size_t n, std::size_t k) {
  double result = 1.0;
  for (std::size_t i = 1; i <= k; ++i) result *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return result;
}

// P(a test rejects) over n draws of 1, -1, 0 with probabilities p_worse, p_better and the rest, cell by cell.
inline double rejection_probability(std::size_t n, double p_worse, double p_better,
                                    const std::function<bool(std::size_t, std::size_t)>& rejects) {
  double total = 0.0;
  for (std::size_t worse = 0; worse <= n; ++worse)
    for (std::size_t better = 0; worse + better <= n; ++better)
      if (rejects(worse, better))
        total += choose(n, worse) * choose(n - worse, better) * std::pow(p_worse, static_cast<double>(worse)) *
                 std::pow(p_better, static_cast<double>(better)) *
                 std::pow(std::max(0.0, 1 - p_worse - p_better), static_cast<double>(n - worse - better));
  return total;
}

// Fixed-sequence testing of one threshold: every certainty there is, descending, each tried on all samples afresh.
inline double lowest_threshold(const std::vector<TierTrace>& tiers,
                               const std::function<bool(std::size_t worse, std::size_t better)>& rejects) {
  const std::set<double, std::greater<>> candidates(tiers[0].certainty.begin(), tiers[0].certainty.end());
  double lowest = kNeverStops;
  for (const double threshold : candidates) {
    std::size_t worse = 0;
    std::size_t better = 0;
    for (std::size_t sample = 0; sample < tiers[0].wrong.size(); ++sample) {
      if (tiers[0].certainty[sample] < threshold) continue;
      worse += tiers[0].wrong[sample] > tiers[1].wrong[sample];
      better += tiers[0].wrong[sample] < tiers[1].wrong[sample];
    }
    if (!rejects(worse, better)) break;
    lowest = threshold;
  }
  return lowest;
}

}  // namespace quorate::oracle
