#include "quorate/plan/policy.h"

#include <algorithm>

namespace quorate {

std::optional<std::size_t> pick_next(std::span<const Backlog> hosted) {
  const auto waiting = [&](std::size_t i) { return static_cast<double>(hosted[i].queued) / hosted[i].demand; };
  const auto progress = [&](std::size_t i) { return static_cast<double>(hosted[i].done) / hosted[i].demand; };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < hosted.size(); ++i) {
    if (hosted[i].queued == 0) continue;
    if (!best || waiting(i) > waiting(*best) || (waiting(i) == waiting(*best) && progress(i) < progress(*best))) best = i;
  }
  return best;
}

std::size_t samples_to_take(std::size_t queued, std::size_t batch, std::size_t batches, std::size_t free) {
  const std::size_t most = std::min(queued, batch);
  if (free <= batches) return most;
  const std::size_t own = batches_of(queued, batch);
  const std::size_t spare = batches_of((free - batches) * own, batches);
  return std::min(most, batches_of(queued, own + spare));
}

}  // namespace quorate
