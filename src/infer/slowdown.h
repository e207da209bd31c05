// By how much one model slows another that takes turns with it on a device, from runs that scatter.
#pragma once

#include <vector>

namespace quorate {

constexpr int kFewestForSlowdown = 5;  // pairs of runs that could tell one from luck

// How long a batch took after one of another model, over how long the next one took after that, its own: one ratio a round,
// of runs side by side, so that what slows the machine for a while falls on both. The factor is the median of the ratios
// where so many are above 1 that chance alone would bring it about in one case of twenty at most (sign test), else 1.
double slowdown_of(const std::vector<double>& ratios);

}  // namespace quorate
