// What a DriftMonitor is made of; shared with the code that reads it back.
#pragma once

#include <cstddef>
#include <vector>

#include "quorate/route/cascade.h"
#include "quorate/route/rank_martingale.h"

namespace quorate {

// Of so many calibration samples, those that only place the bets on exits.
inline std::size_t placing_samples(std::size_t calibration_samples) { return calibration_samples / 5; }

// The exits, where there is more than one tier, then the certainty of each tier. `placing` [depth] are the shares of the
// tiers that place the bets on exits.
std::vector<RankMartingale> watched_parts(std::size_t depth, const std::vector<double>& placing);

// The cascade with thresholds that never stop early; `loss` is its own.
Cascade without_early_stops(const Cascade& cascade, double loss);

}  // namespace quorate
