// A front of any number of objectives: a list that is compared point by point.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace quorate {

struct ListedPoint {
  std::span<const double> losses;
  std::uint64_t trial : 63 = 0;
  std::uint64_t taken : 1 = 0;

  bool operator<(const ListedPoint& other) const;  // by losses, the first one first, then by trial
};

class ListedNet;
class ListedRest;

// The functions are those that ParetoRung asks of a front, see Staircase for what they do. Each takes time in proportion to
// the points here, but for take_in() and give_up(): to those times the ones that come or are lost.
class ListedFront {
 public:
  using Point = ListedPoint;
  using Net = ListedNet;
  using Rest = ListedRest;
  class Store {
   public:
    Point point(std::span<const double> losses, std::int64_t trial);

   private:
    std::vector<std::unique_ptr<double[]>> losses_;
  };

  ListedFront() = default;
  explicit ListedFront(std::vector<Point> points) : points_(std::move(points)) {}

  std::span<const Point> points() const { return points_; }  // in no order
  bool dominates(const Point& point) const;
  void take_in(std::span<const Point> arriving, std::vector<Point>& leaving);
  void give_up(const ListedFront& before, std::span<const Point> lost, std::vector<Point>& leaving);
  Point erase(const Point& point);
  void mark_taken(std::size_t index) { points_[index].taken = 1; }

 private:
  std::vector<Point> points_;
};

// The points that no front needs yet. insert() is O(1), all else takes time in proportion to the points here times those of
// the front that comes of it.
class ListedRest {
 public:
  using Point = ListedPoint;

  std::size_t size() const { return points_.size(); }
  void insert(const Point& point) { points_.push_back(point); }
  void erase(const Point& point);
  void give_up_front(std::vector<Point>& leaving);
  void give_up(const ListedFront& before, std::span<const Point> lost, std::vector<Point>& leaving);
  std::vector<ListedFront> fronts() const;

 private:
  std::vector<Point> points_;
  std::size_t sorted_ = 0;  // so many of the first are in order
};

// StaircaseNet's order for any number of objectives. Each further point costs a look at all.
class ListedNet {
 public:
  explicit ListedNet(std::span<const ListedPoint> points);  // which must outlive this
  std::size_t at(std::size_t rank);

 private:
  void choose(std::size_t at);

  std::span<const ListedPoint> points_;
  std::vector<double> scale_;      // [objectives]
  std::vector<double> worth_;      // [left]: distance to the nearest chosen one
  std::vector<std::size_t> left_;  // points not chosen yet, by trial
  std::vector<std::size_t> order_;
};

}  // namespace quorate
