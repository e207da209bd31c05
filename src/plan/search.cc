#include "plan/search.h"

#include <algorithm>
#include <numeric>

namespace quorate {
namespace {

// A gain below this share of the throughput is the solver's noise.
constexpr double kNoise = 1e-6;

struct Change {
  std::size_t device = 0, m = 0;
  int batch = kAbsent;
};

bool allowed(const Problem& problem, const Placement& placement, const Change& change) {
  return placement.fits(problem, change.device, change.m, change.batch) &&
         (change.batch != kAbsent || placement.copies(problem, change.m) > 1);
}

// Change number `index` of [devices, models, batches]: the cell at that batch, or absent where it has that batch already.
Change change_at(const Problem& problem, const Placement& placement, std::size_t index) {
  const std::size_t cell = index / problem.batches;
  const int batch = static_cast<int>(index % problem.batches);
  return {cell / problem.models, cell % problem.models, batch == placement.batch(cell) ? kAbsent : batch};
}

// The first `count` of a random order of [0, total).
std::vector<std::size_t> drawn(std::size_t total, std::size_t count, Random& random) {
  std::vector<std::size_t> order(total);
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, total);
  for (std::size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random.below(total - i)]);
  order.resize(count);
  return order;
}

// What an instance adds to the throughput now.
double value(const Problem& problem, const Scored& present, std::size_t device, std::size_t m) {
  const std::size_t cell = problem.cell(device, m);
  const int batch = present.placement.batch(cell);
  return batch == kAbsent ? 0.0
                          : present.shares.share[cell] * present.shares.price[m] *
                                problem.rate[problem.option(device, m, static_cast<std::size_t>(batch))];
}

// Moves a device's only instance of a model to where it runs fastest among the places that have room.
bool move_elsewhere(const Problem& problem, Placement& placement, std::size_t from, std::size_t m) {
  Change best;
  double fastest = 0.0;
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t batch = 0; device != from && batch < problem.batches; ++batch)
      if (const double rate = problem.rate[problem.option(device, m, batch)];
          rate > fastest && placement.fits(problem, device, m, static_cast<int>(batch))) {
        fastest = rate;
        best = {device, m, static_cast<int>(batch)};
      }
  if (best.batch == kAbsent) return false;
  placement.place(problem, best.device, m, best.batch);
  placement.place(problem, from, m, kAbsent);
  return true;
}

// Makes a hosted instance smaller: its batch is the fastest that leaves room for the change, or else the smallest.
void shrink(const Problem& problem, Placement& placement, const Change& change, std::size_t m) {
  int best = problem.smallest(change.device, m);
  double fastest = 0.0;
  for (int batch = 0; batch < static_cast<int>(problem.batches); ++batch) {
    if (!placement.fits(problem, change.device, m, batch)) continue;
    const double rate = problem.rate[problem.option(change.device, m, static_cast<std::size_t>(batch))];
    placement.place(problem, change.device, m, batch);
    if (rate > fastest && placement.fits(problem, change.device, change.m, change.batch)) {
      fastest = rate;
      best = batch;
    }
  }
  placement.place(problem, change.device, m, best);
}

enum class Room { kShrink, kEvict };

// Makes instances on the change's device smaller, or lets them go, the least valuable first, until the change fits.
bool make_room(const Problem& problem, const Scored& present, const Change& change, Room how, Placement& placement) {
  std::vector<std::size_t> hosted;
  for (std::size_t m = 0; m < problem.models; ++m)
    if (m != change.m && placement.batch(problem.cell(change.device, m)) != kAbsent) hosted.push_back(m);
  std::stable_sort(hosted.begin(), hosted.end(), [&](std::size_t a, std::size_t b) {
    return value(problem, present, change.device, a) < value(problem, present, change.device, b);
  });
  for (const std::size_t m : hosted) {
    if (placement.fits(problem, change.device, change.m, change.batch)) return true;
    if (how == Room::kShrink)
      shrink(problem, placement, change, m);
    else if (placement.copies(problem, m) > 1)
      placement.place(problem, change.device, m, kAbsent);
    else if (!move_elsewhere(problem, placement, change.device, m))
      shrink(problem, placement, change, m);
  }
  return placement.fits(problem, change.device, change.m, change.batch);
}

bool better(const Shares& candidate, const Shares& present) {
  return candidate.throughput > present.throughput * (1.0 + kNoise);
}

}  // namespace

double promise(const Problem& problem, const Shares& present, std::size_t device, std::size_t m, int batch) {
  if (batch == kAbsent) return present.bound();
  const double worth = present.price[m] * problem.rate[problem.option(device, m, static_cast<std::size_t>(batch))];
  return present.bound() + std::max(0.0, worth - present.worth[device]);
}

std::optional<Scored> greedy_step(const Problem& problem, const Scored& present, std::size_t neighbours, Random& random) {
  std::optional<Scored> best;
  for (const std::size_t index : drawn(problem.devices * problem.models * problem.batches, neighbours, random)) {
    const Change change = change_at(problem, present.placement, index);
    const double to_beat = (best ? best->shares : present.shares).throughput * (1.0 + kNoise);
    if (!allowed(problem, present.placement, change) ||
        promise(problem, present.shares, change.device, change.m, change.batch) <= to_beat)
      continue;
    Placement placement = present.placement;
    placement.place(problem, change.device, change.m, change.batch);
    Scored scored = score(problem, std::move(placement));
    if (better(scored.shares, best ? best->shares : present.shares)) best = std::move(scored);
  }
  return best;
}

std::optional<Scored> priced_step(const Problem& problem, const Scored& present, std::size_t tries) {
  std::vector<std::pair<double, Change>> promising;
  const double to_beat = present.shares.throughput * (1.0 + kNoise);
  for (std::size_t index = 0; index < problem.devices * problem.models * problem.batches; ++index) {
    const Change change = change_at(problem, present.placement, index);
    const double promised = promise(problem, present.shares, change.device, change.m, change.batch);
    if (change.batch != kAbsent && promised > to_beat) promising.emplace_back(promised, change);
  }
  std::stable_sort(promising.begin(), promising.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  promising.resize(std::min(promising.size(), tries));
  for (const auto& [promised, change] : promising) {
    const bool fits = present.placement.fits(problem, change.device, change.m, change.batch);
    for (const Room how : {Room::kShrink, Room::kEvict}) {
      Placement placement = present.placement;
      if (!make_room(problem, present, change, how, placement)) continue;
      placement.place(problem, change.device, change.m, change.batch);
      Scored scored = score(problem, std::move(placement));
      if (better(scored.shares, present.shares)) return scored;
      if (fits) break;  // both ways are the same
    }
  }
  return std::nullopt;
}

std::optional<Scored> shaken(const Problem& problem, const Scored& present, Random& random) {
  Placement placement = present.placement;
  const std::size_t cleared = std::min<std::size_t>(problem.devices, 1 + random.below(2));
  for (const std::size_t device : drawn(problem.devices, cleared, random))
    for (std::size_t m = 0; m < problem.models; ++m) placement.place(problem, device, m, kAbsent);
  for (const std::size_t m : drawn(problem.models, problem.models, random)) {
    if (placement.copies(problem, m) > 0) continue;
    std::vector<Change> options;
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t batch = 0; batch < problem.batches; ++batch)
        if (placement.fits(problem, device, m, static_cast<int>(batch)))
          options.push_back({device, m, static_cast<int>(batch)});
    if (options.empty()) return std::nullopt;
    const Change& change = options[random.below(options.size())];
    placement.place(problem, change.device, change.m, change.batch);
  }
  return score(problem, std::move(placement));
}

}  // namespace quorate
