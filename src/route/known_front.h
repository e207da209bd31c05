// What is known of the front while cascades are searched for: the least errors at each cost.
#pragma once

#include <cstdint>
#include <vector>

#include "route/extend.h"

namespace quorate {

class KnownFront {
 public:
  // `limit[e]`: the least cost known with at most e errors.
  explicit KnownFront(const std::vector<double>& limit);

  // The line through the front at two costs: by how much errors fall where a mean cost of 1 is added. At least 0.
  double slope(double low, double high) const;

  double errors_at(double cost) const { return errors_[step_at(cost)]; }  // the least known at that cost or less
  double lowest_cost() const { return cost_.size() > 1 ? cost_[1] : 0.0; }
  double highest_cost() const { return cost_.size() > 1 ? cost_.back() : 0.0; }

  // No cascade on or above the front has less `errors + slope * cost` at a cost in [low, high]: the most that the front's
  // own steps reach there, at the right end of each.
  double highest(double low, double high, double slope) const;

 private:
  std::size_t step_at(double cost) const;  // the last that costs at most that

  std::vector<double> cost_;    // [steps], ascending; the first is -infinity's: all samples wrong
  std::vector<double> errors_;  // [steps]

  // An even grid of costs from lowest_cost() on: the step at each cell's lower edge, where a search begins.
  double cells_per_cost_ = 0.0;
  std::vector<std::uint32_t> step_of_cell_;
};

}  // namespace quorate
