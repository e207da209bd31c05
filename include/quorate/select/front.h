// A set of alternatives of which none is both dearer and worse than another.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace quorate {

// Points in ascending `cost` and, where that is all they cost, strictly descending `loss`. `Point` is Ensemble or Cascade:
// anything with those two members. One with a member `costs` (values by name; the first cost among them) may have several:
// then a point dominates another if it costs no more of anything, loses no more, and is better in one of them.
template <class Point>
class Front {
 public:
  // Keeps the non-dominated among `candidates`; of points equal in all, the earliest. A NaN in any is never kept. Throws
  // std::invalid_argument where two points' costs have other names. O(n log n), with several costs O(n x points kept).
  explicit Front(std::vector<Point> candidates = {});

  std::size_t size() const { return points_.size(); }
  const Point& operator[](std::size_t index) const { return points_[index]; }
  auto begin() const { return points_.begin(); }
  auto end() const { return points_.end(); }

  // The best point whose cost is at most `max_cost`. Throws std::invalid_argument, saying the least budget that works, where
  // there is none or max_cost is NaN.
  const Point& within(double max_cost) const;

  // The best point whose costs are at most these, by name; a cost that is not named has no limit. Throws
  // std::invalid_argument, as above and for a name that the points do not have. For points with a member `costs` only.
  const Point& within(const std::map<std::string, double>& max_cost) const;

  // The point farthest below the straight line (plane) between the cheapest and the best, all axes scaled to [0, 1]: where
  // spending more starts to buy little. The only point of a front of one; throws std::invalid_argument for an empty front.
  const Point& knee() const;

 private:
  std::vector<Point> points_;
};

}  // namespace quorate

#include "quorate/select/front_impl.h"  // IWYU pragma: keep
