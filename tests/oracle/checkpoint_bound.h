// Which checkpoints to drop the slow, obvious way: one at a time, asking each time which is next.
#pragma once

#include <cstdint>
#include <vector>

#include "search/checkpoint_bound.h"

namespace quorate::oracle {

inline std::vector<StoredCheckpoint> checkpoints_to_drop(std::vector<StoredCheckpoint> all,
                                                         const std::vector<std::int64_t>& least_promising,
                                                         std::int64_t max_bytes) {
  std::vector<StoredCheckpoint> dropped;
  for (const std::int64_t trial : least_promising)
    for (;;) {
      std::int64_t bytes = 0;
      for (const StoredCheckpoint& checkpoint : all) bytes += checkpoint.bytes;
      if (bytes <= max_bytes) return dropped;
      const StoredCheckpoint* next = nullptr;
      for (const StoredCheckpoint& checkpoint : all)
        if (checkpoint.trial == trial && (!next || checkpoint.resource < next->resource)) next = &checkpoint;
      if (!next) break;
      dropped.push_back(*next);
      all.erase(all.begin() + (next - all.data()));
    }
  return dropped;
}

}  // namespace quorate::oracle
