#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "quorate/select/front.h"

namespace quorate::front_internal {

inline std::string exactly(double value) {  // the shortest text that reads back as the same number
  char text[32];
  return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
}

// What a point costs, the first cost first, then by name.
template <class Point>
std::vector<double> costs_of(const Point& point) {
  std::vector<double> costs{point.cost};
  if constexpr (requires { point.costs; })
    for (const auto& [name, cost] : point.costs) costs.push_back(cost);
  return costs;
}

template <class Point>
bool has_several(const std::vector<Point>& points) {
  if constexpr (requires(Point point) { point.costs; }) {
    const auto same_names = [&](const Point& point) {
      return std::equal(point.costs.begin(), point.costs.end(), points.front().costs.begin(), points.front().costs.end(),
                        [](const auto& a, const auto& b) { return a.first == b.first; });
    };
    if (!std::all_of(points.begin(), points.end(), same_names))
      throw std::invalid_argument("points of one front must have costs of the same names");
    return !points.empty() && points.front().costs.size() > 1;
  }
  return false;
}

inline bool nowhere_more(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](double of_a, double of_b) { return of_a <= of_b; });
}

}  // namespace quorate::front_internal

namespace quorate {

template <class Point>
Front<Point>::Front(std::vector<Point> candidates) {
  using namespace front_internal;
  std::erase_if(candidates, [](const Point& point) {
    const std::vector<double> costs = costs_of(point);
    return std::isnan(point.loss) || std::any_of(costs.begin(), costs.end(), [](double cost) { return std::isnan(cost); });
  });
  // In this order whatever dominates a point comes before it.
  const bool several = has_several(candidates);
  std::stable_sort(candidates.begin(), candidates.end(), [several](const Point& a, const Point& b) {
    if (a.cost != b.cost) return a.cost < b.cost;
    if (a.loss != b.loss) return a.loss < b.loss;
    return several && costs_of(a) < costs_of(b);
  });
  std::vector<std::vector<double>> kept;  // costs, where there are several
  for (Point& candidate : candidates) {
    if (!several) {
      if (points_.empty() || candidate.loss < points_.back().loss) points_.push_back(std::move(candidate));
      continue;
    }
    std::vector<double> costs = costs_of(candidate);
    bool dominated = false;
    for (std::size_t i = 0; i < kept.size() && !dominated; ++i)
      dominated = points_[i].loss <= candidate.loss && nowhere_more(kept[i], costs);
    if (dominated) continue;
    kept.push_back(std::move(costs));
    points_.push_back(std::move(candidate));
  }
}

template <class Point>
const Point& Front<Point>::within(double max_cost) const {
  const Point* best = nullptr;
  for (const Point& point : points_)  // a NaN budget compares false with every cost
    if (point.cost <= max_cost && (best == nullptr || point.loss < best->loss)) best = &point;
  if (best != nullptr) return *best;
  throw std::invalid_argument("max_cost is " + front_internal::exactly(max_cost) + ", but " +
                              (points_.empty() ? "the front is empty"
                                               : "must be at least " + front_internal::exactly(points_.front().cost) +
                                                     ", the cheapest point's cost"));
}

template <class Point>
const Point& Front<Point>::within(const std::map<std::string, double>& max_cost) const {
  using front_internal::exactly;
  if (points_.empty()) throw std::invalid_argument("max_cost is given, but the front is empty");
  for (const auto& [name, budget] : max_cost)
    if (!points_.front().costs.contains(name)) {
      std::string names;
      for (const auto& [known, cost] : points_.front().costs) names += (names.empty() ? "" : ", ") + known;
      throw std::invalid_argument("max_cost names \"" + name + "\", but the points' costs are: " + names);
    }
  const auto allowed = [&](const Point& point, const std::string& but) {
    return std::all_of(max_cost.begin(), max_cost.end(), [&](const auto& budget) {
      return budget.first == but || point.costs.at(budget.first) <= budget.second;
    });
  };
  const Point* best = nullptr;
  for (const Point& point : points_)
    if (allowed(point, "") && (best == nullptr || point.loss < best->loss)) best = &point;
  if (best != nullptr) return *best;

  std::string message = "no point is within max_cost; it must be";
  const char* separator = " ";
  for (const auto& [name, budget] : max_cost) {
    double least = std::numeric_limits<double>::infinity();
    for (const Point& point : points_)
      if (allowed(point, name)) least = std::min(least, point.costs.at(name));
    if (std::isinf(least)) continue;
    message += separator + ("at least " + exactly(least)) + " of " + name + " instead of " + exactly(budget);
    separator = ", or ";
  }
  if (*separator == ' ') message += " more of several costs at once";
  throw std::invalid_argument(message);
}

template <class Point>
const Point& Front<Point>::knee() const {
  if (points_.empty()) throw std::invalid_argument("knee of an empty front");
  std::vector<double> least = front_internal::costs_of(points_.front()), most = least;
  double best = points_.front().loss, worst = best;
  for (const Point& point : points_) {
    const std::vector<double> costs = front_internal::costs_of(point);
    for (std::size_t j = 0; j < costs.size(); ++j) {
      least[j] = std::min(least[j], costs[j]);
      most[j] = std::max(most[j], costs[j]);
    }
    best = std::min(best, point.loss);
    worst = std::max(worst, point.loss);
  }
  const bool several = front_internal::has_several(points_);
  const auto scaled = [](double value, double low, double high) { return high > low ? (value - low) / (high - low) : 0.0; };
  const auto below_the_line = [&](const Point& point) {
    double dearer = scaled(point.cost, least[0], most[0]);
    if (several) {  // the first cost is among those with names
      const std::vector<double> costs = front_internal::costs_of(point);
      dearer = 0.0;
      for (std::size_t j = 1; j < costs.size(); ++j)
        dearer += scaled(costs[j], least[j], most[j]) / static_cast<double>(costs.size() - 1);
    }
    return scaled(worst, best, worst) - scaled(point.loss, best, worst) - dearer;
  };
  return *std::max_element(points_.begin(), points_.end(),
                           [&](const Point& a, const Point& b) { return below_the_line(a) < below_the_line(b); });
}

}  // namespace quorate
