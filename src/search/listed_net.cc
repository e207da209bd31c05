#include <algorithm>
#include <cmath>
#include <numeric>

#include "search/listed_front.h"

namespace quorate {

ListedNet::ListedNet(std::span<const ListedPoint> points) : points_(points), left_(points.size()) {
  for (std::size_t j = 0; j < points.front().losses.size(); ++j) {
    double low = points.front().losses[j], high = low;
    for (const ListedPoint& point : points) {
      low = std::min(low, point.losses[j]);
      high = std::max(high, point.losses[j]);
    }
    const double inverse = 1.0 / (high * 0.5 - low * 0.5);  // halves and none: as in StaircaseNet
    scale_.push_back(std::isfinite(inverse) ? inverse : 0.0);
  }
  // By trial, so that of equals the earlier is found first.
  std::iota(left_.begin(), left_.end(), std::size_t{0});
  std::sort(left_.begin(), left_.end(), [&](std::size_t a, std::size_t b) { return points_[a].trial < points_[b].trial; });
  choose(static_cast<std::size_t>(
      std::min_element(left_.begin(), left_.end(),
                       [&](std::size_t a, std::size_t b) { return points_[a].losses[0] < points_[b].losses[0]; }) -
      left_.begin()));
}

void ListedNet::choose(std::size_t at) {
  const ListedPoint& chosen = points_[left_[at]];
  order_.push_back(left_[at]);
  left_.erase(left_.begin() + static_cast<std::ptrdiff_t>(at));
  if (order_.size() == 1) {
    worth_.assign(left_.size(), INFINITY);
  } else {
    worth_.erase(worth_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  for (std::size_t i = 0; i < left_.size(); ++i) {
    double distance = 0.0;
    for (std::size_t j = 0; j < scale_.size(); ++j)
      distance += std::abs(points_[left_[i]].losses[j] * 0.5 - chosen.losses[j] * 0.5) * scale_[j];
    worth_[i] = std::min(worth_[i], distance);
  }
}

std::size_t ListedNet::at(std::size_t rank) {
  while (order_.size() <= rank)
    choose(static_cast<std::size_t>(std::max_element(worth_.begin(), worth_.end()) - worth_.begin()));
  return order_[rank];
}

}  // namespace quorate
