#include "search/checkpoint_bound.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace quorate {

std::vector<StoredCheckpoint> checkpoints_to_drop(std::span<const StoredCheckpoint> checkpoints,
                                                  std::span<const std::int64_t> least_promising, std::int64_t max_bytes) {
  std::int64_t bytes = 0;
  for (const StoredCheckpoint& checkpoint : checkpoints) bytes += checkpoint.bytes;
  if (bytes <= max_bytes) return {};

  std::unordered_map<std::int64_t, std::size_t> place;
  for (const std::int64_t trial : least_promising) place.emplace(trial, place.size());
  std::vector<StoredCheckpoint> result;
  for (const StoredCheckpoint& checkpoint : checkpoints)
    if (place.contains(checkpoint.trial)) result.push_back(checkpoint);
  std::ranges::sort(result, {}, [&](const StoredCheckpoint& checkpoint) {
    return std::tuple(place.at(checkpoint.trial), checkpoint.resource);
  });
  const auto enough = std::ranges::find_if(result, [&](const StoredCheckpoint& checkpoint) {
    const bool fits = bytes <= max_bytes;
    bytes -= checkpoint.bytes;
    return fits;
  });
  result.erase(enough, result.end());
  return result;
}

}  // namespace quorate
