#include "search/staircase.h"

#include <algorithm>
#include <limits>

#include "search/sorted_fronts.h"

namespace quorate {
namespace {

// Of those that are not to the right of the point, the last one has the lowest y.
bool behind(const PlanePoint& last, const PlanePoint& point) {
  return last.y < point.y || (last.y == point.y && last.x < point.x);
}

}  // namespace

bool Staircase::dominates(const Point& point) const {
  const auto after =
      std::upper_bound(points_.begin(), points_.end(), point.x, [](double x, const Point& other) { return x < other.x; });
  return after != points_.begin() && behind(*(after - 1), point);
}

void Staircase::take_in(std::span<const Point> arriving, std::vector<Point>& leaving) {
  const Point& first = arriving.front();
  const auto begin = std::lower_bound(points_.begin(), points_.end(), first);
  auto end = begin;
  // Where somebody has the same losses, the two of them dominate the same, and nobody of those is here.
  const bool same = begin != points_.end() && begin->x == first.x && begin->y == first.y;
  if (!same)
    while (end != points_.end() && end->y >= arriving.back().y) ++end;
  leaving.assign(begin, end);
  const auto replaced = static_cast<std::ptrdiff_t>(std::min(leaving.size(), arriving.size()));
  std::copy(arriving.begin(), arriving.begin() + replaced, begin);
  if (replaced < end - begin) {
    points_.erase(begin + replaced, end);
  } else {
    points_.insert(begin + replaced, arriving.begin() + replaced, arriving.end());
  }
}

void Staircase::give_up(const Staircase& before, std::span<const Point> lost, std::vector<Point>& leaving) {
  const Gap gap = before.gap(lost);
  const auto begin =
      std::partition_point(points_.begin(), points_.end(), [&](const Point& point) { return point.y >= gap.top; });
  auto end = begin;
  while (end != points_.end() && end->x < gap.right) ++end;
  leaving.assign(begin, end);
  points_.erase(begin, end);
}

Staircase::Point Staircase::erase(const Point& point) {
  const auto found = std::lower_bound(points_.begin(), points_.end(), point);
  const Point erased = *found;
  points_.erase(found);
  return erased;
}

Staircase::Gap Staircase::gap(std::span<const Point> lost) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto after = std::lower_bound(points_.begin(), points_.end(), lost.front());
  return {after == points_.end() ? kInfinity : after->x, after == points_.begin() ? kInfinity : (after - 1)->y};
}

std::vector<Staircase> staircases(std::vector<PlanePoint> points) {
  return sorted_fronts<Staircase>(std::move(points),
                                  [](const auto& front, const PlanePoint& point) { return behind(front.back(), point); });
}

}  // namespace quorate
