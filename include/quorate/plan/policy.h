// Which model a device runs next, and how much of it: the rules that plans are scored for, simulate() plays and the engine's
// lanes follow.
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

// How many of the `queued` samples of that model, 1 or more, the device takes into a batch that has room for `batch`. `free`
// devices, this one included, run nothing now and have the model with this batch size; `batches` wait, of all models, this
// one's included. Where no fewer wait than devices are free: as many as fit. Else devices would have nothing to do: the
// spare ones are divided evenly among the batches, and a batch's samples among its devices. Every batch still finds a device
// at once, so equal devices that were idle answer a request no later than by whole batches, whatever those cost. To cut
// batches also where enough of them wait would balance devices better, but take up to twice the time where most of a
// batch's cost is fixed.
std::size_t samples_to_take(std::size_t queued, std::size_t batch, std::size_t batches, std::size_t free);

constexpr std::size_t batches_of(std::size_t queued, std::size_t batch) { return (queued + batch - 1) / batch; }

}  // namespace quorate
