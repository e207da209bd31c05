#include "route/known_front.h"

#include <algorithm>
#include <limits>

namespace quorate {

KnownFront::KnownFront(const std::vector<double>& limit) {
  cost_.push_back(-std::numeric_limits<double>::infinity());
  errors_.push_back(static_cast<double>(limit.size() - 1));
  for (std::size_t e = limit.size(); e-- > 0;) {
    if (limit[e] == std::numeric_limits<double>::infinity()) break;
    if (cost_.size() > 1 && cost_.back() == limit[e]) {
      errors_.back() = static_cast<double>(e);
    } else {
      cost_.push_back(limit[e]);
      errors_.push_back(static_cast<double>(e));
    }
  }
}

std::size_t KnownFront::step_at(double cost) const {
  return static_cast<std::size_t>(std::upper_bound(cost_.begin() + 1, cost_.end(), cost) - cost_.begin()) - 1;
}

double KnownFront::slope(double low, double high) const {
  if (!(low < high)) return 0.0;
  return (errors_[step_at(low)] - errors_[step_at(high)]) / (high - low);
}

double KnownFront::highest(double low, double high, double slope) const {
  std::size_t step = step_at(low);
  double most = -std::numeric_limits<double>::infinity();
  for (; step + 1 < cost_.size() && cost_[step + 1] <= high; ++step)
    most = std::max(most, errors_[step] + slope * cost_[step + 1]);
  return std::max(most, errors_[step] + slope * high);
}

}  // namespace quorate
