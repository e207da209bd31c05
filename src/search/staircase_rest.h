// The points of two objectives that no front needs yet.
#pragma once

#include "search/staircase.h"

namespace quorate {

// In order of x, in chunks of bounded length that know their lowest y. insert() and erase() look for the chunk by halving;
// giving up a front looks at every chunk's lowest y, and into those that have a point of it.
class StaircaseRest {
 public:
  using Point = PlanePoint;

  std::size_t size() const { return size_; }
  void insert(const Point& point);
  void erase(const Point& point);

  // Moves the best front of all to `leaving`, in order.
  void give_up_front(std::vector<Point>& leaving);

  // Moves the best front of those that `before` does not dominate, now that it has lost `lost`, to `leaving`.
  void give_up(const Staircase& before, std::span<const Point> lost, std::vector<Point>& leaving);

  std::vector<Staircase> fronts() const;

 private:
  struct Chunk {
    std::vector<Point> points;
    double lowest_y;
  };
  static constexpr std::size_t kMost = 256;  // in a chunk

  std::vector<Chunk>::iterator chunk_of(const Point& point);
  void give_up(const Staircase::Gap& gap, std::vector<Point>& leaving);
  void repack();

  std::vector<Chunk> chunks_;  // none is empty
  std::size_t size_ = 0;
};

}  // namespace quorate
