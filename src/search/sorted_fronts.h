// Sorting points into fronts, whatever a front is.
#pragma once

#include <algorithm>
#include <iterator>
#include <vector>

namespace quorate {

// All the fronts of these points, best first, each in order. `dominated(front, point)` says whether any of a front's points
// dominates the point, which comes after them in order. O(log n) calls of it a point.
template <class Front, class Dominated>
std::vector<Front> sorted_fronts(std::vector<typename Front::Point> points, const Dominated& dominated) {
  std::sort(points.begin(), points.end());
  std::vector<std::vector<typename Front::Point>> fronts;
  for (const auto& point : points)
    // The first front that does not dominate it; those before do, so the search may halve.
    if (const auto front =
            std::partition_point(fronts.begin(), fronts.end(), [&](const auto& one) { return dominated(one, point); });
        front == fronts.end())
      fronts.push_back({point});
    else
      front->push_back(point);
  return {std::make_move_iterator(fronts.begin()), std::make_move_iterator(fronts.end())};
}

}  // namespace quorate
