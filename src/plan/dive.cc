#include "plan/dive.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace quorate {
namespace {

constexpr int kRounds = 15;  // of column generation after a device is fixed

// Makes the device host that and nothing else; its shares stay free.
void fix(Problem& problem, std::size_t device, const std::vector<Hosted>& hosted) {
  for (std::size_t m = 0; m < problem.models; ++m) {
    const auto here = std::ranges::find(hosted, m, &Hosted::m);
    if (here != hosted.end()) problem.pinned[problem.cell(device, m)] = true;
    for (std::size_t batch = 0; batch < problem.batches; ++batch)
      if (here == hosted.end() || here->batch != batch) problem.rate[problem.option(device, m, batch)] = 0.0;
  }
}

// A column of a class that has devices left to fix.
const Column* chosen(const Relaxation& relaxation, const std::vector<bool>& fixed, Rounding how, Random& random) {
  const Column* best = nullptr;
  double most = 0.0;
  for (const Column& column : relaxation.columns) {
    if (column.times <= 1e-6 || fixed[relaxation.classes[column.of_class].devices[0]]) continue;
    const double used = std::min(column.times, 1.0);
    const double value = how == Rounding::kLargest ? used : std::pow(random.uniform(), 1.0 / used);
    if (value > most) {
      most = value;
      best = &column;
    }
  }
  return best;
}

}  // namespace

std::optional<Priced> dive(const Problem& problem, const Relaxation& root, double beaten, Rounding how, const Clock& clock,
                           Random& random) {
  std::optional<Priced> best;
  Problem part = problem;
  Relaxation relaxation = root;
  std::vector<bool> fixed(problem.devices, false);
  while (!clock.over()) {
    const Column* column = chosen(relaxation, fixed, how, random);
    if (column == nullptr) break;
    const std::vector<std::size_t>& devices = relaxation.classes[column->of_class].devices;
    const auto times = std::clamp(static_cast<std::size_t>(column->times + 1e-6), std::size_t{1}, devices.size());
    for (std::size_t i = 0; i < times; ++i) {
      fix(part, devices[i], column->hosted);
      fixed[devices[i]] = true;
    }
    relaxation = relax(part, relaxation.bound, beaten, {nullptr, &relaxation}, kRounds, clock);
    if (relaxation.bound <= beaten) break;
    std::optional<Placement> placement = rounded(part, relaxation, Rounding::kLargest, random);
    if (!placement) continue;
    Priced found = priced(problem, std::move(*placement));
    if (found.basis.throughput() <= beaten) continue;
    beaten = beaten_by(found.basis.throughput());
    best = std::move(found);
  }
  return best;
}

}  // namespace quorate
