// Latency and memory between the batch sizes that were measured.
#pragma once

#include <cstddef>
#include <vector>

#include "quorate/plan/profile.h"

namespace quorate {

// Seconds for a batch of `samples` (at least 1) of a model on a kind. A measured batch size: what was measured. Between
// two, a < b, with latencies x and y: on the line from min(x, y) at a to y at b, so that noise that makes a larger batch
// look faster never makes a smaller one slower than that: its samples could be padded to it. Below the smallest: that
// one's. Batch sizes at which the model does not run are passed over. Infinity above the largest at which it runs.
// O(batches).
double latency_of_batch(const Profile& profile, std::size_t kind, std::size_t model, int samples);

// The same profile at other batch sizes (ascending, from 1): latencies as above, memory on the line between the measured
// ones, rounded up; above the largest the model does not run. Throws std::invalid_argument for sizes that do not ascend,
// and where a model runs at none of them.
Profile interpolated(const Profile& profile, const std::vector<int>& batch_sizes);

// [kinds, models]: how far off the line is. Each measured batch size but the smallest and the largest is left out in turn
// and read off the others; of |line - measured| / measured the largest. NaN where the model runs at fewer than three.
std::vector<double> interpolation_error(const Profile& profile);

}  // namespace quorate
