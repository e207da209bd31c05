// The tails of a cascade: what becomes of every sample that enters at each tier.
#pragma once

#include <cstdint>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate {

struct TailOutcome {
  std::vector<std::uint8_t> wrong;  // [samples]
  std::vector<double> cost;         // [samples]
};

// [tiers]: of the cascade from each tier on. A tier entered at is the first that is asked, also for Combine::kMean and
// kMajority.
std::vector<TailOutcome> tails(const Cascade& cascade, const Predictions& predictions, const ModelCosts& cost, int threads);

}  // namespace quorate
