// The boxes of one ordered choice of tiers, from coarse to single cascades. See boxes.h for the bound.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "route/boxes_prefix.h"
#include "route/boxes_table.h"
#include "route/known_front.h"

namespace quorate {

// The thresholds of dimension d stand at the positions in [block[d] * window, (block[d] + 1) * window).
struct Box {
  std::uint32_t block[kMostThresholds];
  std::uint32_t errors;                  // at the box's lowest positions
  std::uint32_t reach[kMostThresholds];  // samples that reach tier 1, 2 ... there
};

// One ordered choice of tiers.
struct BoxTuple {
  struct Limit {
    std::vector<double> cost;  // [tiers], in some unit
    double most;               // of its mean
  };
  std::size_t last;          // the last tier, among the prefix's last tiers
  BoxCascade cascade;        // its tiers
  std::vector<double> cost;  // [tiers]
  std::vector<Limit> limits;
};

// Lists of boxes hold those of one block of the first tier together, as survey() gives them.
class Descent {
 public:
  // A box is dropped where no cascade of it can have fewer errors, by more than `gap_errors`, than `known` at its cost, or
  // as few where that is 0.
  Descent(const Prefix& prefix, const BoxTuple& tuple, const KnownFront& known, double gap_errors, BoxTable& table);

  // Their halves along every dimension; `window` is the new one.
  std::vector<Box> split(const std::vector<Box>& boxes, std::size_t window);
  // Those that may hold something. With `enumerate` their cascades are offered instead, and nothing is returned.
  std::vector<Box> keep(const std::vector<Box>& boxes, std::size_t window, bool enumerate);

  // Offers the cascade at each box's lowest positions; boxes that hold no other go.
  void offer_lowest(std::vector<Box>& boxes, std::size_t window);

 private:
  struct Bound {
    double slope;
    double most;  // what the known front reaches at most: errors + slope * cost
    double margin;
    double gain[kMostThresholds];  // the walks' lowest points, <= 0, in errors
  };
  struct State {
    std::uint32_t errors;
    std::uint32_t reach[kMostThresholds];
    std::uint32_t position[kMostThresholds];
  };

  // No sample goes on after tier `dim`: higher thresholds than these of that tier, and of the later ones, change nothing.
  static bool settled(const std::uint32_t* reach, std::size_t dim) { return reach[dim] == 0; }

  double cost_of(const std::vector<double>& cost, const std::uint32_t* reach) const;
  // But for rounding.
  double cost_near(const std::uint32_t* reach) const {
    double total = tuple_.cost[0];
    for (std::size_t k = 0; k < thresholds_; ++k) total += of_one_[k] * static_cast<double>(reach[k]);
    return total;
  }
  void offer(std::uint32_t errors, const std::uint32_t* reach, const std::uint32_t* position);
  void cascades_of(const Box& box, std::size_t window, std::size_t dim, const State& state, const Bound& bound);
  std::span<const std::uint64_t> by_block(const std::vector<Box>& boxes, std::size_t dim);

  const Prefix& prefix_;
  const BoxTuple& tuple_;
  const KnownFront& known_;
  double gap_errors_;
  BoxTable& table_;
  std::size_t thresholds_;
  std::size_t samples_;
  double of_one_[kMostThresholds];  // what a sample that reaches tier 1, 2 ... adds to the mean cost
  std::vector<std::uint64_t> keys_;
};

}  // namespace quorate
