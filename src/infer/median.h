// The median of values in any order, at least one; the mean of the middle two where their number is even.
#pragma once

#include <algorithm>
#include <vector>

namespace quorate {

inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

}  // namespace quorate
