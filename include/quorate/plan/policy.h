// Which model a device runs next: the one rule that plans are scored for, simulate() plays and the engine's lanes follow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace quorate {

// Of one model that a device hosts. A model on several devices has one queue for all of them.
struct Backlog {
  std::size_t queued = 0;  // samples that wait for the model
  std::uint64_t done = 0;  // samples that it has taken so far, on any device
  double demand = 1.0;     // the share of the stream that reaches it, above 0
};

// The index of the hosted model with the largest backlog relative to its demand; of equals the one with the least done
// relative to its demand, then the lowest index. nullopt where nothing waits. Where every model's samples arrive as its
// demand says, the largest relative backlog is the least relative progress, and long queues are worked off as the plan's
// shares would have it without anyone enforcing shares. O(hosted).
std::optional<std::size_t> pick_next(std::span<const Backlog> hosted);

}  // namespace quorate
