#include "plan/search.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

constexpr double kNoise = 1e-9;  // a relative gain below it is rounding

struct Promising {
  Change change;
  double gain;
  double up_to;  // the sum of the gains of those before it and its own
};

// The options that would earn more than their device's time does now.
void collect(const Problem& problem, const Priced& present, std::vector<Promising>& out) {
  out.clear();
  double sum = 0.0;
  const double least = present.basis.throughput() * kNoise;
  for (std::size_t device = 0; device < problem.devices; ++device) {
    const double worth = present.basis.worth(device);
    for (std::size_t m = 0; m < problem.models; ++m) {
      const double price = present.basis.price(m);
      const std::size_t first = problem.option(device, m, 0);
      const int held = present.placement.batch(problem.cell(device, m));
      for (std::size_t batch = 0; batch < problem.batches; ++batch) {
        const double gain = price * problem.rate[first + batch] - worth;
        // One that is there promises a gain where it is slowed down.
        if (gain <= least || (static_cast<int>(batch) == held && problem.slowdown.empty())) continue;
        sum += gain;
        out.push_back({{device, m, static_cast<int>(batch)}, gain, sum});
      }
    }
  }
}

void apply(const Problem& problem, const Placement& placement, const std::vector<Change>& before, ShareBasis& basis) {
  for (const Change& change : before) {
    basis.set(change.device, change.m, rate_of(problem, placement, change.device, change.m));
    for (std::size_t m = 0; m < problem.models && !problem.slowdown.empty(); ++m)
      if (const double rate = rate_of(problem, placement, change.device, m); rate != basis.rate(change.device, m))
        basis.set(change.device, m, rate);
  }
}

}  // namespace

Priced priced(const Problem& problem, Placement placement) {
  ShareBasis basis(problem.devices, problem.demand);
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models; ++m)
      if (const double rate = rate_of(problem, placement, device, m); rate > 0.0) basis.set(device, m, rate);
  basis.solve();
  return {std::move(placement), std::move(basis)};
}

void rescore(const Problem& problem, Priced& changed, const std::vector<Change>& before) {
  apply(problem, changed.placement, before, changed.basis);
  changed.basis.solve();
}

std::vector<Change> most_promising(const Problem& problem, const Priced& present, std::size_t count) {
  std::vector<Promising> promising;
  collect(problem, present, promising);
  std::stable_sort(promising.begin(), promising.end(), [](const auto& a, const auto& b) { return a.gain > b.gain; });
  std::vector<Change> result;
  for (std::size_t i = 0; i < std::min(count, promising.size()); ++i) result.push_back(promising[i].change);
  return result;
}

Priced anneal(const Problem& problem, const Priced& start, int tries, int stop, double hot, double enough,
              const Clock& clock, Random& random) {
  Priced present = start, best = start;
  ShareBasis trial = start.basis;
  std::vector<Promising> promising;
  collect(problem, present, promising);
  for (int i = 0; i < std::min(tries, stop) && best.basis.throughput() < enough && !promising.empty() && !clock.over();
       ++i) {
    const double temperature = hot * std::pow(0.01, static_cast<double>(i) / tries);
    const double drawn = random.uniform() * promising.back().up_to;
    const auto chosen = std::upper_bound(promising.begin(), promising.end() - 1, drawn,
                                         [](double value, const Promising& p) { return value < p.up_to; });
    const double luck = std::log(1.0 - random.uniform());
    Draft draft(problem, present.placement, present.basis, random);
    if (!draft.insert(chosen->change)) {
      draft.undo();
      continue;
    }
    draft.refill();
    trial = present.basis;
    apply(problem, present.placement, draft.before(), trial);
    const double now = present.basis.throughput(), then = trial.solve();
    if (!(then >= now * (1.0 + temperature * luck)) || then <= 0.0) {
      draft.undo();
      continue;
    }
    std::swap(present.basis, trial);
    if (then > best.basis.throughput() * (1.0 + kNoise)) best = present;
    collect(problem, present, promising);
  }
  return best;
}

}  // namespace quorate
