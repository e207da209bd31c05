#include "plan/regroup.h"

#include <algorithm>

namespace quorate {
namespace {

constexpr std::size_t kFewest = 2, kMost = 5;  // devices planned anew
constexpr double kHot = 0.1;                   // see anneal()
constexpr double kNoise = 1e-9;

// Devices drawn without replacement: the first by what its time is worth, the others evenly.
std::vector<std::size_t> draw_devices(const Problem& problem, const ShareBasis& basis, Random& random) {
  double worth = 0.0;
  for (std::size_t device = 0; device < problem.devices; ++device) worth += basis.worth(device);
  double drawn = random.uniform() * worth;
  std::size_t first = 0;
  while (first + 1 < problem.devices && (drawn -= basis.worth(first)) >= 0.0) ++first;
  std::vector<std::size_t> others;
  for (std::size_t device = 0; device < problem.devices; ++device)
    if (device != first) others.push_back(device);
  const std::size_t count = std::min(problem.devices, kFewest + random.below(kMost - kFewest + 1));
  std::vector<std::size_t> devices = {first};
  while (devices.size() < count) {
    const std::size_t at = random.below(others.size());
    devices.push_back(others[at]);
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

// The devices with the models that they host and still have to serve at the present throughput.
Part group_of(const Problem& problem, const Priced& present, std::vector<std::size_t> devices) {
  std::vector<std::size_t> models;
  std::vector<double> demand;
  for (std::size_t m = 0; m < problem.models; ++m) {
    bool hosted = false, pinned = false;
    double inside = 0.0, all = 0.0;
    for (std::size_t device = 0; device < problem.devices; ++device) {
      const std::size_t cell = problem.cell(device, m);
      if (present.placement.batch(cell) == kAbsent) continue;
      const double rate = present.basis.share(device, m) * present.basis.rate(device, m);
      all += rate;
      if (!std::binary_search(devices.begin(), devices.end(), device)) continue;
      hosted = true;
      pinned = pinned || problem.pinned[cell];
      inside += rate;
    }
    const double needed = all > 0.0 ? problem.demand[m] * inside / all : problem.demand[m];
    if (!hosted || (needed <= kNoise * problem.demand[m] && !pinned)) continue;
    models.push_back(m);
    demand.push_back(std::max(needed, 1e-3 * problem.demand[m]));
  }
  Part part = part_of(problem, std::move(devices), std::move(models));
  part.problem.demand = std::move(demand);
  return part;
}

// The cells of these devices as they were.
std::vector<Change> cells_on(const Problem& problem, const std::vector<std::size_t>& devices, const Placement& placement) {
  std::vector<Change> cells;
  for (const std::size_t device : devices)
    for (std::size_t m = 0; m < problem.models; ++m) cells.push_back({device, m, placement.batch(problem.cell(device, m))});
  return cells;
}

}  // namespace

Priced regroup(const Problem& problem, Priced present, int groups, double enough, const Clock& clock, Random& random) {
  for (int i = 0; i < groups && present.basis.throughput() < enough && !clock.over(); ++i) {
    const Part group = group_of(problem, present, draw_devices(problem, present.basis, random));
    if (group.models.empty()) continue;
    const Priced before = priced(group.problem, group.from(problem, present.placement));
    const Priced after = anneal(group.problem, before, kRegroupTries, kRegroupTries, kHot, 1e300, clock, random);
    if (after.basis.throughput() <= before.basis.throughput() * (1.0 + kNoise)) continue;
    Priced next = present;
    group.into(problem, after.placement, next.placement);
    bool whole = true;
    for (std::size_t m = 0; m < problem.models && whole; ++m) whole = next.placement.copies(problem, m) > 0;
    if (!whole) continue;
    rescore(problem, next, cells_on(problem, group.devices, present.placement));
    if (next.basis.throughput() >= present.basis.throughput() * (1.0 - kNoise)) present = std::move(next);
  }
  return present;
}

}  // namespace quorate
