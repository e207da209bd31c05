// The tiers that a cascade search may put together.
#pragma once

#include <string>
#include <vector>

#include "quorate/route/find_cascades.h"

namespace quorate {

struct TierPool {
  std::vector<Tier> tiers;     // single models first, in their order; then by size and lexicographically. Thresholds 0.
  std::vector<bool> may_stop;  // [tiers]: of a size that may stop early
  std::vector<bool> may_end;   // [tiers]: of a size that may come last; none behind one that may not
  std::vector<double> worst;   // [tiers]: the cost of the dearest sample
  std::vector<std::vector<double>> sample_cost;  // [tiers][samples], where samples' costs differ; else empty
  std::string note;                              // what was left out, for found_by; else empty
};

// Tiers dearer than max_worst_cost are left out. Throws std::invalid_argument as find_cascades() says.
TierPool make_tiers(const Predictions& predictions, const ModelCosts& cost, const CascadeOptions& options);

bool share_a_model(const Tier& a, const Tier& b);

}  // namespace quorate
