#include "plan/cheapest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "core/message.h"
#include "plan/bound.h"
#include "plan/rounding.h"
#include "plan/search.h"

namespace quorate {
namespace {

constexpr int kRounds = 200;
constexpr int kTries = 2000;  // placements scored before a device is kept
constexpr double kHot = 0.02;

struct On {
  std::vector<std::size_t> devices;  // ascending
  Priced placement;                  // of the problem on them
};

// Moves a placement to some of its problem's devices and looks for the rate there.
std::optional<On> on_devices(const Problem& problem, const Placement& placement, std::vector<std::size_t> devices,
                             double rate, const Clock& clock, Random& random) {
  const Problem part = problem.on(devices);
  Placement kept(part);
  for (std::size_t i = 0; i < devices.size(); ++i)
    for (std::size_t m = 0; m < problem.models; ++m) kept.place(part, i, m, placement.batch(problem.cell(devices[i], m)));
  const ShareBasis unpriced(part.devices, part.demand);
  for (std::size_t m = 0; m < part.models; ++m)
    if (kept.copies(part, m) == 0 && !Draft(part, kept, unpriced, random).host(m)) return std::nullopt;
  Priced found = anneal(part, priced(part, std::move(kept)), kTries, kTries, kHot, rate, clock, random);
  if (found.basis.throughput() < rate) return std::nullopt;
  return On{std::move(devices), std::move(found)};
}

Placement on_all(const Problem& problem, const On& on) {
  Placement placement(problem);
  for (std::size_t i = 0; i < on.devices.size(); ++i)
    for (std::size_t m = 0; m < problem.models; ++m)
      placement.place(problem, on.devices[i], m, on.placement.placement.batch(i * problem.models + m));
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
  while (!clock.over() && on.devices.size() > 1) {
    std::optional<std::size_t> next;
    double most = -1.0;
    for (std::size_t i = 0; i < on.devices.size(); ++i) {
      if (needed.contains(on.devices[i])) continue;
      const double price = cost[on.devices[i]] / (on.placement.basis.worth(i) + 1e-12 * rate);
      if (price > most) {
        most = price;
        next = i;
      }
    }
    if (!next) return;
    std::vector<std::size_t> fewer = on.devices;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(*next));
    const std::size_t gone = on.devices[*next];
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
    result.why = message("rate is ", options.rate, " samples/s, but the best plan found has ",
                         result.solution.best.shares.throughput, ", and no plan has more than ", result.solution.bound);
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
    return std::accumulate(on.devices.begin(), on.devices.end(), 0.0,
                           [&](double sum, std::size_t d) { return sum + cost[d]; });
  };

  On best{all, priced(problem, result.solution.best.placement)};
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
