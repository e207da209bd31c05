#include "plan/paper.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "plan/draft.h"

namespace quorate {
namespace {

// A gain below this share of the throughput is the solver's noise.
constexpr double kNoise = 1e-6;

bool allowed(const Problem& problem, const Placement& placement, const Change& change) {
  if (change.batch != kAbsent) return placement.fits(problem, change.device, change.m, change.batch);
  return placement.copies(problem, change.m) > 1 && !problem.pinned[problem.cell(change.device, change.m)];
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

// Scores the change and keeps it where it is better than `best`, or than `present` while there is none.
void consider(const Problem& problem, const Scored& present, const Change& change, std::optional<Scored>& best) {
  const double to_beat = (best ? best->shares : present.shares).throughput * (1.0 + kNoise);
  if (!allowed(problem, present.placement, change) ||
      promise(problem, present.shares, change.device, change.m, change.batch) <= to_beat)
    return;
  Placement placement = present.placement;
  placement.place(problem, change.device, change.m, change.batch);
  Scored scored = score(problem, std::move(placement));
  if (scored.shares.throughput > to_beat) best = std::move(scored);
}

}  // namespace

double promise(const Problem& problem, const Shares& present, std::size_t device, std::size_t m, int batch) {
  if (batch == kAbsent) return problem.slowdown.empty() ? present.bound() : std::numeric_limits<double>::infinity();
  const double worth = present.price[m] * problem.rate[problem.option(device, m, static_cast<std::size_t>(batch))];
  return present.bound() + std::max(0.0, worth - present.worth[device]);
}

std::optional<Scored> greedy_step(const Problem& problem, const Scored& present, std::size_t neighbours, Random& random) {
  std::optional<Scored> best;
  for (const std::size_t index : drawn(problem.devices * problem.models * problem.batches, neighbours, random))
    consider(problem, present, change_at(problem, present.placement, index), best);
  return best;
}

Scored tuned_batches(const Problem& problem, Scored present, const Clock& clock) {
  for (bool better = true; better && !clock.over();) {
    std::optional<Scored> best;
    for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell)
      for (int batch = 0; batch < static_cast<int>(problem.batches); ++batch)
        if (const int held = present.placement.batch(cell); held != kAbsent && held != batch)
          consider(problem, present, {cell / problem.models, cell % problem.models, batch}, best);
    better = best.has_value();
    if (best) present = std::move(*best);
  }
  return present;
}

}  // namespace quorate
