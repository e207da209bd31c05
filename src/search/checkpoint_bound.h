// Which checkpoints go where all of them together take too much room.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quorate {

struct StoredCheckpoint {
  std::int64_t trial = 0;
  std::int64_t resource = 0;
  std::int64_t bytes = 0;

  bool operator==(const StoredCheckpoint&) const = default;
};

// Those to remove, in this order, so that the others take at most `max_bytes`; no more than that needs. `least_promising` is
// AsyncHyperband::least_promising(): its first trial loses its checkpoints first, that of the lowest resource before later
// ones. A trial that is not in it runs or waits and keeps its checkpoints, also where the bound cannot be kept then.
// O(n log n).
std::vector<StoredCheckpoint> checkpoints_to_drop(std::span<const StoredCheckpoint> checkpoints,
                                                  std::span<const std::int64_t> least_promising, std::int64_t max_bytes);

}  // namespace quorate
