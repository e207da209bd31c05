// The path on which calibrate() moves a cascade's thresholds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/route/cascade.h"
#include "route/trace.h"

namespace quorate {

// All thresholds but the last, and but those above 1, move down together; see calibrate.h. A step is a certainty that is
// crossed: from there on, `sample` may stop at `tier`.
class ThresholdPath {
 public:
  struct Step {
    double at = 0.0;
    std::uint32_t sample = 0;
    std::uint32_t tier = 0;
  };

  // From the cascade's own thresholds, or with equal ones, which move in all tiers. `tiers` [depth] must outlive the path.
  // O(depth x samples x log).
  ThresholdPath(const Cascade& cascade, std::span<const TierTrace* const> tiers, bool from_equal);

  const std::vector<Step>& steps() const { return steps_; }  // descending `at`

  // The end of the group of equal `at` that begins with step `begin`.
  std::size_t group_end(std::size_t begin) const;

  // Thresholds [depth - 1] after the first `taken` steps, a whole number of groups, and before the next.
  std::vector<double> thresholds(std::size_t taken) const;

  // How many steps lead to the given thresholds.
  std::size_t given() const { return given_; }

 private:
  double position(double certainty, std::size_t tier) const;

  std::vector<double> start_;  // [depth - 1]
  std::size_t moving_ = 0;     // how many of them move
  std::vector<Step> steps_;
  std::size_t given_ = 0;
};

}  // namespace quorate
