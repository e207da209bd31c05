#include "quorate/plan/replan.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/message.h"
#include "plan/answer.h"
#include "plan/bound.h"
#include "plan/changes.h"
#include "plan/pack.h"
#include "plan/search.h"

namespace quorate {
namespace {

constexpr int kAttempts = 30;        // to host what lacks a place; the one that moves least counts
constexpr std::size_t kTries = 200;  // changes scored before the best of them is made
constexpr int kRounds = 300;         // of column generation

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// [devices]: where the device is in the running plan, or kNone. A device of another kind is another device.
std::vector<std::size_t> running_index(const Plan& running, const std::vector<Device>& devices) {
  std::vector<std::size_t> result;
  for (const Device& device : devices) {
    const auto found = std::find_if(running.devices.begin(), running.devices.end(), [&](const Device& other) {
      return other.name == device.name && other.kind == device.kind;
    });
    result.push_back(found == running.devices.end() ? kNone : static_cast<std::size_t>(found - running.devices.begin()));
  }
  return result;
}

// [devices, models] of the problem: the batches that run now.
std::vector<int> running_batches(const Plan& running, const Profile& profile, const Problem& problem,
                                 const std::vector<std::size_t>& index) {
  std::vector<int> batches(problem.devices * problem.models, kAbsent);
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models && index[device] != kNone; ++m)
      if (const int size = running.batch[running.index(index[device], problem.model[m])]; size > 0)
        batches[problem.cell(device, m)] = static_cast<int>(profile.batch_index(size).value());
  return batches;
}

// Instances to load or to resize.
int moved(const Problem& problem, const Placement& placement, const std::vector<int>& running) {
  int count = 0;
  for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell)
    count += placement.batch(cell) != kAbsent && placement.batch(cell) != running[cell];
  return count;
}

// What runs, as far as it fits, and a place for what has none; nullopt where none was found.
std::optional<Placement> kept(const Problem& problem, const std::vector<int>& running, Random& random) {
  Placement base(problem);
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models; ++m)
      if (const int batch = running[problem.cell(device, m)]; base.fits(problem, device, m, batch))
        base.place(problem, device, m, batch);
  const Priced now = priced(problem, base);
  std::optional<Placement> best;
  double best_throughput = 0.0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Placement placement = base;
    Draft draft(problem, placement, now.basis, random);
    bool complete = true;
    for (std::size_t cell = 0; cell < problem.devices * problem.models && complete; ++cell)
      if (problem.pinned[cell] && placement.batch(cell) == kAbsent) {
        const std::size_t device = cell / problem.models, m = cell % problem.models;
        complete = draft.insert({device, m, problem.smallest(device, m)});
      }
    for (std::size_t m = 0; m < problem.models && complete; ++m)
      complete = placement.copies(problem, m) > 0 || draft.host(m);
    if (!complete) continue;
    const double throughput = priced(problem, placement).basis.throughput();
    const int moves = moved(problem, placement, running), least = best ? moved(problem, *best, running) : moves + 1;
    if (moves < least || (moves == least && throughput > best_throughput)) {
      best = std::move(placement);
      best_throughput = throughput;
    }
  }
  return best;
}

// The change that gains most for each instance it moves, made while it is worth it.
void improve(const Problem& problem, const std::vector<int>& running, const ReplanOptions& options, const Clock& clock,
             Random& random, Priced& present) {
  for (int step = 0; step < options.plan.max_iterations && !clock.over(); ++step) {
    std::optional<Priced> best;
    double most = options.least_gain;
    const int moves = moved(problem, present.placement, running);
    for (const Change& change : most_promising(problem, present, kTries)) {
      Placement placement = present.placement;
      Draft draft(problem, placement, present.basis, random);
      if (!draft.insert(change)) continue;
      Priced next{std::move(placement), present.basis};
      rescore(problem, next, draft.before());
      const double gain = next.basis.throughput() / present.basis.throughput() - 1.0;
      // A change that takes a move back is free.
      const double each = gain / std::max(moved(problem, next.placement, running) - moves, 1);
      if (gain > 1e-6 && each >= most) {
        most = each;
        best = std::move(next);
      }
    }
    if (!best) return;
    present = std::move(*best);
  }
}

}  // namespace

Replan replan(const Plan& running, const Profile& profile, const std::vector<Device>& devices,
              const ReplanOptions& options) {
  const Clock clock(options.plan.time_limit_s);
  check_for(running, profile);
  require(options.least_gain >= 0.0, "least_gain is ", options.least_gain, ", but must be at least 0");
  require(options.plan.objective == Objective::kThroughput && options.plan.algorithm == Algorithm::kSearch,
          "objective and algorithm must be throughput and search: replan() has no other");
  const Problem problem = make_problem(profile, devices, options.plan);
  const std::vector<std::size_t> index = running_index(running, devices);
  const std::vector<int> batches = running_batches(running, profile, problem, index);
  Replan result{unanswered(profile, devices, options.plan), {}, {}};
  Random random(options.plan.seed, 2);

  std::optional<Placement> first = kept(problem, batches, random);
  std::string found_by = "kept";
  if (!first) {
    Packing packing = pack({profile, devices, options.plan}, problem);
    result.plan.why = packing.why;
    if (!packing.placement) return result;
    first = std::move(packing.placement);
    found_by = packing.found_by;
  }
  Priced present = priced(problem, std::move(*first));
  improve(problem, batches, options, clock, random, present);
  Solution found{score(problem, std::move(present.placement)), found_by, upper_bound(problem)};
  found.bound = relax(problem, found.bound, beaten_by(found.best.shares.throughput), {&found.best}, kRounds, clock).bound;
  answer(result.plan, profile, problem, found);
  list_changes(running, index, profile, options.plan.workspace, result);
  return result;
}

}  // namespace quorate
