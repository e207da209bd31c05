// What a scorer holds and is asked, by the definition: the loss of picks and one more, each combination and metric.
#pragma once

#include <string>
#include <vector>

#include "oracle/select.h"

namespace quorate::oracle {

// The loss of `picks` and `model`, repeats counted.
inline double loss_with(const Case& data, const std::string& metric, const std::string& combine,
                        const std::vector<int>& picks, int model) {
  std::map<int, double> counts;
  for (const int pick : picks) counts[pick] += 1.0;
  counts[model] += 1.0;
  return loss(data, metric, counts, double(picks.size()) + 1.0, combine);
}

}  // namespace quorate::oracle
