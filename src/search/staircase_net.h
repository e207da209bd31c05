// Which points of a staircase to take first, so that those taken are spread along it.
#pragma once

#include <queue>

#include "search/staircase.h"

namespace quorate {

// The order of a greedy net (Clarkson 2006, as MO-ASHA uses it): the lowest x, then always the point whose nearest chosen
// one is farthest; ties go to the earlier trial. The distance is the sum over both objectives, each as a share of its range
// here: along a staircase it grows from point to point, so a point's nearest chosen ones are the next on either side, and
// the best point between two chosen ones is found by halving. O(log n) a point, besides ties.
class StaircaseNet {
 public:
  // The points, in order, must outlive this.
  explicit StaircaseNet(std::span<const PlanePoint> points);

  // Index of the `rank`th in the order, rank < points.
  std::size_t at(std::size_t rank);

 private:
  struct Candidate {
    double worth;  // distance to the nearest chosen one
    std::size_t index;
    std::size_t left, right;  // chosen ones on either side; right may be past the end
  };
  struct Later {
    std::span<const PlanePoint> points;
    bool operator()(const Candidate& a, const Candidate& b) const {
      return a.worth != b.worth ? a.worth < b.worth : points[a.index].trial > points[b.index].trial;
    }
  };

  double distance(std::size_t left, std::size_t right) const;
  double worth(std::size_t left, std::size_t index, std::size_t right) const;
  void look_between(std::size_t left, std::size_t right);
  void choose_next();

  std::span<const PlanePoint> points_;
  double scale_x_, scale_y_;
  std::vector<std::size_t> order_;
  std::priority_queue<Candidate, std::vector<Candidate>, Later> candidates_;
};

}  // namespace quorate
