#include "search/staircase_net.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

// Halves, as a difference could overflow; a range too small for its inverse counts as none.
double scale(double low, double high) {
  const double inverse = 1.0 / (high * 0.5 - low * 0.5);
  return std::isfinite(inverse) ? inverse : 0.0;
}

}  // namespace

StaircaseNet::StaircaseNet(std::span<const PlanePoint> points)
    : points_(points),
      scale_x_(scale(points.front().x, points.back().x)),
      scale_y_(scale(points.back().y, points.front().y)),
      order_{0},
      candidates_(Later{points}) {
  look_between(0, points.size());
}

double StaircaseNet::distance(std::size_t left, std::size_t right) const {
  const PlanePoint &a = points_[left], &b = points_[right];
  return (b.x * 0.5 - a.x * 0.5) * scale_x_ + (a.y * 0.5 - b.y * 0.5) * scale_y_;
}

double StaircaseNet::worth(std::size_t left, std::size_t index, std::size_t right) const {
  const double worth = distance(left, index);
  return right == points_.size() ? worth : std::min(worth, distance(index, right));
}

void StaircaseNet::look_between(std::size_t left, std::size_t right) {
  if (right - left < 2) return;
  // The first that is nearer to the right one, or as near; the best is that or the one before.
  std::size_t low = left + 1, high = right - 1;
  while (right != points_.size() && low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (distance(left, middle) < distance(middle, right))
      low = middle + 1;
    else
      high = middle;
  }
  Candidate best{worth(left, high, right), high, left, right};
  const auto offer = [&](std::size_t index) {
    const double offered = worth(left, index, right);
    if (offered < best.worth) return false;
    if (offered > best.worth || points_[index].trial < points_[best.index].trial) best = {offered, index, left, right};
    return true;
  };
  std::size_t below = high, above = high + 1;
  while (below > left + 1 && offer(below - 1)) --below;
  while (above < right && offer(above)) ++above;
  candidates_.push(best);
}

void StaircaseNet::choose_next() {
  const Candidate best = candidates_.top();
  if (best.worth > 0.0) {
    candidates_.pop();
    order_.push_back(best.index);
    look_between(best.left, best.index);
    look_between(best.index, best.right);
    return;
  }
  // All that are left are where a chosen one is.
  std::vector<bool> chosen(points_.size());
  for (const std::size_t index : order_) chosen[index] = true;
  const auto first = static_cast<std::ptrdiff_t>(order_.size());
  for (std::size_t index = 0; index < points_.size(); ++index)
    if (!chosen[index]) order_.push_back(index);
  std::sort(order_.begin() + first, order_.end(),
            [&](std::size_t a, std::size_t b) { return points_[a].trial < points_[b].trial; });
}

std::size_t StaircaseNet::at(std::size_t rank) {
  while (order_.size() <= rank) choose_next();
  return order_[rank];
}

}  // namespace quorate
