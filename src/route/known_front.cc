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
  const double width = highest_cost() - lowest_cost();
  step_of_cell_.assign(4 * cost_.size(), 0);
  if (width > 0.0) cells_per_cost_ = static_cast<double>(step_of_cell_.size()) / width;
  std::uint32_t step = 0;
  for (std::size_t cell = 0; cell < step_of_cell_.size(); ++cell) {
    const double edge = cells_per_cost_ > 0.0 ? lowest_cost() + static_cast<double>(cell) / cells_per_cost_ : lowest_cost();
    while (step + 1 < cost_.size() && cost_[step + 1] <= edge) ++step;
    step_of_cell_[cell] = step;
  }
}

std::size_t KnownFront::step_at(double cost) const {
  const double cell = (cost - lowest_cost()) * cells_per_cost_;
  if (!(cell >= 0.0)) return 0;
  std::size_t step = step_of_cell_[static_cast<std::size_t>(std::min(cell, static_cast<double>(step_of_cell_.size() - 1)))];
  while (step > 0 && cost_[step] > cost) --step;  // where rounding took a cell too high
  while (step + 1 < cost_.size() && cost_[step + 1] <= cost) ++step;
  return step;
}

double KnownFront::slope(double low, double high) const {
  if (!(low < high)) return 0.0;
  return (errors_[step_at(low)] - errors_[step_at(high)]) / (high - low);
}

double KnownFront::highest(double low, double high, double slope) const {
  std::size_t step = step_at(low);
  // In lanes, so that a comparison does not wait for the one before.
  constexpr std::size_t kLanes = 4;
  double lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<double>::infinity());
  for (; step + kLanes < cost_.size() && cost_[step + kLanes] <= high; step += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] = std::max(lanes[lane], errors_[step + lane] + slope * cost_[step + lane + 1]);
  double most = *std::max_element(lanes, lanes + kLanes);
  for (; step + 1 < cost_.size() && cost_[step + 1] <= high; ++step)
    most = std::max(most, errors_[step] + slope * cost_[step + 1]);
  return std::max(most, errors_[step] + slope * high);
}

}  // namespace quorate
