#include "search/listed_front.h"

#include <algorithm>

#include "search/sorted_fronts.h"

namespace quorate {
namespace {

bool dominates(const ListedPoint& a, const ListedPoint& b) {
  bool better = false;
  for (std::size_t j = 0; j < a.losses.size(); ++j) {
    if (a.losses[j] > b.losses[j]) return false;
    better |= a.losses[j] < b.losses[j];
  }
  return better;
}

bool dominated_by_any(std::span<const ListedPoint> points, const ListedPoint& point) {
  return std::any_of(points.begin(), points.end(), [&](const ListedPoint& other) { return dominates(other, point); });
}

std::vector<ListedPoint>::iterator find(std::vector<ListedPoint>& points, const ListedPoint& point) {
  return std::find_if(points.begin(), points.end(), [&](const ListedPoint& other) { return other.trial == point.trial; });
}

// Moves the best front of `points`, which are in order, to `front`. A point comes after all that dominate it, and if any
// does one of the front does.
void split_front(std::vector<ListedPoint>& points, std::vector<ListedPoint>& front) {
  front.clear();
  std::erase_if(points, [&](const ListedPoint& point) {
    if (dominated_by_any(front, point)) return false;
    front.push_back(point);
    return true;
  });
}

}  // namespace

bool ListedPoint::operator<(const ListedPoint& other) const {
  for (std::size_t j = 0; j < losses.size(); ++j)
    if (losses[j] != other.losses[j]) return losses[j] < other.losses[j];
  return trial < other.trial;
}

ListedPoint ListedFront::Store::point(std::span<const double> losses, std::int64_t trial) {
  losses_.push_back(std::make_unique<double[]>(losses.size()));
  std::copy(losses.begin(), losses.end(), losses_.back().get());
  return {{losses_.back().get(), losses.size()}, static_cast<std::uint64_t>(trial), 0};
}

bool ListedFront::dominates(const Point& point) const { return dominated_by_any(points_, point); }

void ListedFront::take_in(std::span<const Point> arriving, std::vector<Point>& leaving) {
  leaving.clear();
  std::erase_if(points_, [&](const Point& point) {
    const bool leaves = dominated_by_any(arriving, point);
    if (leaves) leaving.push_back(point);
    return leaves;
  });
  points_.insert(points_.end(), arriving.begin(), arriving.end());
}

void ListedFront::give_up(const ListedFront& before, std::span<const Point> lost, std::vector<Point>& leaving) {
  leaving.clear();
  std::erase_if(points_, [&](const Point& point) {
    const bool leaves = dominated_by_any(lost, point) && !before.dominates(point);
    if (leaves) leaving.push_back(point);
    return leaves;
  });
}

ListedFront::Point ListedFront::erase(const Point& point) {
  const auto found = find(points_, point);
  const Point erased = *found;
  points_.erase(found);
  return erased;
}

void ListedRest::erase(const Point& point) {
  const auto found = find(points_, point);
  if (found - points_.begin() < static_cast<std::ptrdiff_t>(sorted_)) --sorted_;
  points_.erase(found);
}

void ListedRest::give_up_front(std::vector<Point>& leaving) {
  const auto sorted_end = points_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  std::sort(sorted_end, points_.end());
  std::inplace_merge(points_.begin(), sorted_end, points_.end());
  split_front(points_, leaving);
  sorted_ = points_.size();
}

void ListedRest::give_up(const ListedFront& before, std::span<const Point> lost, std::vector<Point>& leaving) {
  std::vector<Point> rising;
  const auto rises = [&](const Point& point) { return dominated_by_any(lost, point) && !before.dominates(point); };
  std::copy_if(points_.begin(), points_.end(), std::back_inserter(rising), rises);
  std::sort(rising.begin(), rising.end());
  split_front(rising, leaving);
  for (const Point& point : leaving) erase(point);
}

std::vector<ListedFront> ListedRest::fronts() const {
  return sorted_fronts<ListedFront>(points_,
                                    [](const auto& front, const Point& point) { return dominated_by_any(front, point); });
}

}  // namespace quorate
