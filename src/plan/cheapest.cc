#include "plan/cheapest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "plan/answer.h"
#include "plan/bound.h"
#include "plan/rounding.h"
#include "plan/search.h"

namespace quorate {
namespace {

constexpr int kRounds = 200;
constexpr int kTries = 2000;  // placements scored before a device is kept
constexpr double kHot = 0.02;

struct On {
  Part part;  // the devices that are kept, ascending
  Priced placement;
};

// Moves a placement to some of its problem's devices and looks for the rate there.
std::optional<On> on_devices(const Problem& problem, const Placement& placement, std::vector<std::size_t> devices,
                             double rate, const Clock& clock, Random& random) {
  Part part = part_of(problem, std::move(devices));
  Placement kept = part.from(problem, placement);
  const ShareBasis unpriced(part.problem.devices, part.problem.demand);
  for (std::size_t m = 0; m < problem.models; ++m)
    if (kept.copies(part.problem, m) == 0 && !Draft(part.problem, kept, unpriced, random).host(m)) return std::nullopt;
  Priced found = anneal(part.problem, priced(part.problem, std::move(kept)), kTries, kTries, kHot, rate, clock, random);
  if (found.basis.throughput() < rate) return std::nullopt;
  return On{std::move(part), std::move(found)};
}

Placement on_all(const Problem& problem, const On& on) {
  Placement placement(problem);
  on.part.into(problem, on.placement.placement, placement);
  return placement;
}

// As many devices of each class as the relaxation uses, in whole ones.
std::vector<std::size_t> devices_of(const Relaxation& relaxation) {
  std::vector<std::size_t> devices;
  for (std::size_t k = 0; k < relaxation.classes.size(); ++k) {
    double times = 0.0;
    for (const Column& column : relaxation.columns)
      if (column.of_class == k) times += column.times;
    const std::vector<std::size_t>& of_class = relaxation.classes[k].devices;
    const auto count = std::min(of_class.size(), static_cast<std::size_t>(std::ceil(times - 1e-6)));
    devices.insert(devices.end(), of_class.begin(), of_class.begin() + static_cast<std::ptrdiff_t>(count));
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

// Lets devices go as long as the rate holds: those first that cost most for what they earn.
void let_go(const Problem& problem, const std::vector<double>& cost, double rate, const Clock& clock, Random& random,
            On& on) {
  std::set<std::size_t> needed;
  while (!clock.over() && on.part.devices.size() > 1) {
    std::optional<std::size_t> next;
    double most = -1.0;
    for (std::size_t i = 0; i < on.part.devices.size(); ++i) {
      if (needed.contains(on.part.devices[i])) continue;
      const double price = cost[on.part.devices[i]] / (on.placement.basis.worth(i) + 1e-12 * rate);
      if (price > most) {
        most = price;
        next = i;
      }
    }
    if (!next) return;
    std::vector<std::size_t> fewer = on.part.devices;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(*next));
    const std::size_t gone = on.part.devices[*next];
    bool pinned = false;
    for (std::size_t m = 0; m < problem.models; ++m) pinned = pinned || problem.pinned[problem.cell(gone, m)];
    if (std::optional<On> found =
            pinned ? std::nullopt : on_devices(problem, on_all(problem, on), std::move(fewer), rate, clock, random))
      on = std::move(*found);
    else
      needed.insert(gone);
  }
}

}  // namespace

Cheapest cheapest_for(const Problem& problem, Solution most, const PlanOptions& options, const Clock& clock) {
  // A hair above, so that what the exact shares give is not a rounding error below.
  const double rate = options.rate * (1.0 + 1e-7);
  Cheapest result{std::move(most), 0.0, ""};
  if (result.solution.best.shares.throughput < options.rate) {
    result.why = rate_missed(options.rate, result.solution.best.shares.throughput, result.solution.bound);
    return result;
  }
  std::vector<double> cost(problem.devices, 1.0);
  if (options.objective == Objective::kMoney) cost = problem.usd_per_hour;
  Random random(options.seed, 1);
  std::vector<std::size_t> all(problem.devices);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const Relaxation relaxation = least_cost(problem, options.rate, cost, result.solution.best, kRounds, clock);
  result.least_cost = relaxation.bound;
  const auto total = [&](const On& on) {
    return std::accumulate(on.part.devices.begin(), on.part.devices.end(), 0.0,
                           [&](double sum, std::size_t d) { return sum + cost[d]; });
  };

  On best{part_of(problem, all), priced(problem, result.solution.best.placement)};
  let_go(problem, cost, rate, clock, random, best);
  if (std::optional<Placement> placement = rounded(problem, relaxation, Rounding::kLargest, random))
    if (std::optional<On> on = on_devices(problem, *placement, devices_of(relaxation), rate, clock, random)) {
      let_go(problem, cost, rate, clock, random, *on);
      if (total(*on) < total(best)) best = std::move(*on);
    }
  Scored found = score(problem, on_all(problem, best));
  if (found.shares.throughput >= options.rate) result.solution.best = std::move(found);
  return result;
}

}  // namespace quorate
