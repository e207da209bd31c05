#include "plan/draft.h"

#include <algorithm>
#include <limits>

namespace quorate {
namespace {

constexpr double kBlind = 0.2;    // how often who leaves is drawn at random
constexpr double kSmaller = 0.4;  // how often an instance becomes smaller rather than leaves

}  // namespace

void Draft::place(std::size_t device, std::size_t m, int batch) {
  before_.push_back({device, m, placement_.batch(problem_.cell(device, m))});
  placement_.place(problem_, device, m, batch);
}

void Draft::undo() {
  for (; !before_.empty(); before_.pop_back())
    placement_.place(problem_, before_.back().device, before_.back().m, before_.back().batch);
}

void Draft::refill() {
  std::vector<std::size_t> devices;
  for (const Change& change : before_) devices.push_back(change.device);
  std::sort(devices.begin(), devices.end());
  devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
  for (const std::size_t device : devices) {
    for (bool larger = true; larger;) {
      Change best;
      double most = 0.0;
      for (std::size_t m = 0; m < problem_.models; ++m) {
        const int held = placement_.batch(problem_.cell(device, m));
        if (held == kAbsent) continue;
        const double now = problem_.rate[problem_.option(device, m, static_cast<std::size_t>(held))];
        for (std::size_t batch = 0; batch < problem_.batches; ++batch) {
          const double gain = prices_.price(m) * (problem_.rate[problem_.option(device, m, batch)] - now);
          if (gain > most && placement_.fits(problem_, device, m, static_cast<int>(batch))) {
            most = gain;
            best = {device, m, static_cast<int>(batch)};
          }
        }
      }
      larger = best.batch != kAbsent;
      if (larger) place(best.device, best.m, best.batch);
    }
  }
}

double Draft::worth(std::size_t device, std::size_t m, std::size_t batch) const {
  return prices_.price(m) * problem_.rate[problem_.option(device, m, batch)] - prices_.worth(device);
}

// One instance beside the change becomes smaller or leaves.
bool Draft::lessen(const Change& change) {
  const std::size_t device = change.device;
  std::vector<std::size_t> others;
  for (std::size_t m = 0; m < problem_.models; ++m)
    if (m != change.m && problem_.cell(device, m) != kept_ && placement_.batch(problem_.cell(device, m)) != kAbsent)
      others.push_back(m);
  if (others.empty()) return false;
  std::size_t chosen = others[random_.below(others.size())];
  if (random_.uniform() >= kBlind) {
    double least = std::numeric_limits<double>::infinity();
    for (const std::size_t m : others) {
      const std::size_t option =
          problem_.option(device, m, static_cast<std::size_t>(placement_.batch(problem_.cell(device, m))));
      const double earned = prices_.share(device, m) * prices_.price(m) * problem_.rate[option];
      // What it earns for its memory; which of those that earn nothing goes is left to chance.
      const double density =
          (earned + 1e-9 * random_.uniform()) / (static_cast<double>(problem_.memory_bytes(option)) + 1.0);
      if (density < least) {
        least = density;
        chosen = m;
      }
    }
  }
  const auto held = static_cast<std::size_t>(placement_.batch(problem_.cell(device, chosen)));
  const bool pinned = problem_.pinned[problem_.cell(device, chosen)];
  if (pinned || random_.uniform() < kSmaller) {
    const std::int64_t bytes = problem_.memory_bytes(problem_.option(device, chosen, held));
    int smaller = kAbsent;
    double fastest = 0.0;
    for (std::size_t batch = 0; batch < problem_.batches; ++batch) {
      const std::size_t option = problem_.option(device, chosen, batch);
      if (problem_.rate[option] > fastest && problem_.memory_bytes(option) < bytes) {
        fastest = problem_.rate[option];
        smaller = static_cast<int>(batch);
      }
    }
    if (smaller != kAbsent) {
      place(device, chosen, smaller);
      return true;
    }
    if (pinned) return false;
  }
  place(device, chosen, kAbsent);
  return true;
}

// The instance that slows the cell down most leaves, if it may.
void Draft::relieve(std::size_t device, std::size_t m) {
  std::size_t worst = m;
  for (std::size_t other = 0; other < problem_.models; ++other)
    if (placement_.batch(problem_.cell(device, other)) != kAbsent && !problem_.pinned[problem_.cell(device, other)] &&
        problem_.slowed(device, m, other) > problem_.slowed(device, m, worst))
      worst = other;
  if (worst == m) return;
  place(device, worst, kAbsent);
  relieved_ = device;
}

bool Draft::insert(const Change& change, int depth) {
  if (!kept_) kept_ = problem_.cell(change.device, change.m);
  std::size_t tries = 0;
  const std::size_t first = before_.size();
  if (placement_.batch(problem_.cell(change.device, change.m)) == change.batch) {
    relieve(change.device, change.m);
  } else {
    while (!placement_.fits(problem_, change.device, change.m, change.batch))
      if (++tries > 2 * problem_.models || !lessen(change)) return false;
    place(change.device, change.m, change.batch);
  }
  for (std::size_t i = first; i < before_.size(); ++i) {
    const std::size_t m = before_[i].m;
    if (placement_.copies(problem_, m) == 0 && !host(m, depth - 1)) return false;
  }
  return true;
}

bool Draft::host(std::size_t m, int depth) {
  Change best;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t device = 0; device < problem_.devices; ++device)
    for (std::size_t batch = 0; batch < problem_.batches; ++batch) {
      if (problem_.rate[problem_.option(device, m, batch)] <= 0.0 || device == relieved_) continue;
      const double value = worth(device, m, batch);
      if (value > most && placement_.fits(problem_, device, m, static_cast<int>(batch))) {
        most = value;
        best = {device, m, static_cast<int>(batch)};
      }
    }
  if (best.batch != kAbsent) {
    place(best.device, m, best.batch);
    return true;
  }
  if (depth <= 0) return false;
  std::vector<Change> anywhere;
  for (std::size_t device = 0; device < problem_.devices; ++device)
    if (const int batch = problem_.smallest(device, m); batch != kAbsent) anywhere.push_back({device, m, batch});
  return !anywhere.empty() && insert(anywhere[random_.below(anywhere.size())], depth);
}

bool completed(const Problem& problem, Placement& placement, Random& random) {
  const ShareBasis unpriced(problem.devices, problem.demand);
  for (std::size_t m = 0; m < problem.models; ++m)
    if (placement.copies(problem, m) == 0 && !Draft(problem, placement, unpriced, random).host(m)) return false;
  for (std::size_t cell = 0; cell < problem.pinned.size(); ++cell)
    if (problem.pinned[cell] && placement.batch(cell) == kAbsent) return false;
  return true;
}

}  // namespace quorate
