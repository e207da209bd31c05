// The best cascades that the search over boxes has met, for each number of errors.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "route/boxes_walk.h"
#include "route/extend.h"

namespace quorate {

struct BoxCascade {
  std::array<std::uint32_t, kMostThresholds + 1> tiers = {};  // of the pool
  std::array<std::uint32_t, kMostThresholds> positions = {};  // of the thresholds, see RankedTier
  std::array<double, kMostThresholds> thresholds = {};

  // Of cascades equal in errors and cost the first in this order stays.
  bool before(const BoxCascade& other) const { return std::tie(tiers, positions) < std::tie(other.tiers, other.positions); }
};

class BoxTable {
 public:
  struct Entry {
    double cost = std::numeric_limits<double>::infinity();
    bool from_front = false;  // a cascade of the front that the search began with: before all others
    BoxCascade cascade = {};
  };

  BoxTable(const FoundFront& front, std::size_t samples);

  // The least cost known with at most that many errors, [errors], at the last update_limit().
  const std::vector<double>& limit() const { return limit_; }
  void update_limit();

  // What costs more than that would not be taken, or is not on the front.
  double most(std::size_t errors) const { return std::min(limit_[errors], entries_[errors].cost); }

  void offer(std::size_t errors, double cost, const BoxCascade& cascade);
  // The same for any order of merging.
  void merge(const BoxTable& other);

  // The front with the cascades of `depth` tiers that were taken.
  FoundFront front(const FoundFront& start, std::size_t depth) const;

 private:
  std::vector<Entry> entries_;  // [errors]
  std::vector<double> limit_;
};

}  // namespace quorate
