#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>

#include "quorate/select/front.h"

namespace quorate {

template <class Point>
Front<Point>::Front(std::vector<Point> candidates) {
  std::erase_if(candidates, [](const Point& point) { return std::isnan(point.cost) || std::isnan(point.loss); });
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Point& a, const Point& b) { return a.cost != b.cost ? a.cost < b.cost : a.loss < b.loss; });
  for (Point& candidate : candidates)
    if (points_.empty() || candidate.loss < points_.back().loss) points_.push_back(std::move(candidate));
}

template <class Point>
const Point& Front<Point>::within(double max_cost) const {
  // A NaN budget compares false with every cost, so that the first point is already above it.
  const auto above =
      std::find_if(points_.begin(), points_.end(), [&](const Point& point) { return !(point.cost <= max_cost); });
  if (above == points_.begin()) {
    const auto exactly = [](double value) {  // the shortest text that reads back as the same number
      char text[32];
      return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
    };
    throw std::invalid_argument("max_cost is " + exactly(max_cost) + ", but " +
                                (points_.empty()
                                     ? "the front is empty"
                                     : "must be at least " + exactly(points_.front().cost) + ", the cheapest point's cost"));
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
