#include "quorate/plan/policy.h"

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

}  // namespace quorate
