// A set of alternatives of which none is both dearer and worse than another.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace quorate {

// Points in ascending `cost` and strictly descending `loss`. `Point` is Ensemble or Cascade: anything with those two
// members.
template <class Point>
class Front {
 public:
  // Keeps the non-dominated among `candidates`; of points equal in both, the earliest. A NaN in either is never kept.
  // O(n log n).
  explicit Front(std::vector<Point> candidates = {});

  std::size_t size() const { return points_.size(); }
  const Point& operator[](std::size_t index) const { return points_[index]; }
  auto begin() const { return points_.begin(); }
  auto end() const { return points_.end(); }

  // The best point whose cost is at most `max_cost`. Throws std::invalid_argument, saying the least budget that works, where
  // there is none or max_cost is NaN.
  const Point& within(double max_cost) const;

  // The point farthest below the straight line between the cheapest and the best, both axes scaled to [0, 1]: where spending
  // more starts to buy little. The only point of a front of one; throws std::invalid_argument for an empty front.
  const Point& knee() const;

 private:
  std::vector<Point> points_;
};

}  // namespace quorate

#include "quorate/select/front_impl.h"  // IWYU pragma: keep
