// A front of two objectives: points of which none dominates another lie on a staircase.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quorate {

struct PlanePoint {
  double x = 0.0;
  double y = 0.0;
  std::uint64_t trial : 63 = 0;
  std::uint64_t taken : 1 = 0;

  bool operator<(const PlanePoint& other) const {
    return x != other.x ? x < other.x : y != other.y ? y < other.y : trial < other.trial;
  }
};

class StaircaseNet;
class StaircaseRest;

// The functions are those that ParetoRung asks of a front. dominates() takes O(log n) of n points, the others that and the
// points that come, go or are moved in memory. Points that come or go together are neighbours: what one staircase loses when
// the one before it changes is a stretch of it, and what comes takes the place of what goes (Jensen 2003 uses the same).
class Staircase {
 public:
  using Point = PlanePoint;
  using Net = StaircaseNet;
  using Rest = StaircaseRest;
  struct Store {
    static Point point(std::span<const double> losses, std::int64_t trial) {
      return {losses[0], losses[1], static_cast<std::uint64_t>(trial), 0};
    }
  };

  Staircase() = default;
  explicit Staircase(std::vector<Point> points) : points_(std::move(points)) {}  // in order

  std::span<const Point> points() const { return points_; }  // in order: x rises, y falls
  bool dominates(const Point& point) const;

  // Takes in points, in order, that nobody here dominates, and moves those that they dominate to `leaving`.
  void take_in(std::span<const Point> arriving, std::vector<Point>& leaving);

  // Moves to `leaving` those that `before` does not dominate now that it has lost `lost`.
  void give_up(const Staircase& before, std::span<const Point> lost, std::vector<Point>& leaving);

  Point erase(const Point& point);  // gives it as it was here
  void mark_taken(std::size_t index) { points_[index].taken = 1; }

  // Where a point lies that this front no longer dominates since it lost `lost`: x < right and y < top.
  struct Gap {
    double right;
    double top;
  };
  Gap gap(std::span<const Point> lost) const;

 private:
  std::vector<Point> points_;
};

// All the fronts of these points, best first, each in order. O(n log n).
std::vector<Staircase> staircases(std::vector<PlanePoint> points);

}  // namespace quorate
