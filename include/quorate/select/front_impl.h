#pragma once

#include <algorithm>
#include <cmath>
#include <sstream>

#include "quorate/select/front.h"

namespace quorate {

template <class Point>
Front<Point>::Front(std::vector<Point> candidates) {
  std::erase_if(candidates, [](const Point& point) { return std::isnan(point.cost) || std::isnan(point.loss); });
  std::stable_sort(candidates.begin(), candidates.end(), [](const Point& a, const Point& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.loss < b.loss;
  });
  for (Point& candidate : candidates)
    if (points_.empty() || candidate.loss < points_.back().loss) points_.push_back(std::move(candidate));
}

template <class Point>
const Point& Front<Point>::within(double max_cost) const {
  const auto above = std::upper_bound(points_.begin(), points_.end(), max_cost,
                                      [](double budget, const Point& point) { return budget < point.cost; });
  if (above == points_.begin()) {
    std::ostringstream text;
    text << "max_cost is " << max_cost << ", but ";
    if (points_.empty())
      text << "the front is empty";
    else
      text << "must be at least " << points_.front().cost << ", the cheapest point's cost";
    throw std::invalid_argument(text.str());
  }
  return *(above - 1);
}

template <class Point>
const Point& Front<Point>::knee() const {
  if (points_.empty()) throw std::invalid_argument("knee of an empty front");
  const Point& cheapest = points_.front();
  const Point& best = points_.back();
  const auto below_the_line = [&](const Point& point) {
    if (points_.size() == 1) return 0.0;
    const double dearer = (point.cost - cheapest.cost) / (best.cost - cheapest.cost);
    const double better = (cheapest.loss - point.loss) / (cheapest.loss - best.loss);
    return better - dearer;
  };
  return *std::max_element(points_.begin(), points_.end(),
                           [&](const Point& a, const Point& b) { return below_the_line(a) < below_the_line(b); });
}

}  // namespace quorate
