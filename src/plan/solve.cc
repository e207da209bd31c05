#include "plan/solve.h"

#include <algorithm>
#include <array>
#include <optional>

#include "plan/bound.h"
#include "plan/branch.h"
#include "plan/pack.h"
#include "plan/reassign.h"
#include "plan/regroup.h"
#include "plan/rounding.h"
#include "plan/search.h"

namespace quorate {
namespace {

constexpr double kClose = 1e-6;           // a gap that isn't worth closing
constexpr int kTriesPerIteration = 100;   // placements scored
constexpr int kRounds = 600;              // of column generation
constexpr double kForBound = 0.35;        // of the time, for the first bound at most
constexpr double kForSearch = 0.65;       // of what is left then; the rest is for the last bound and the tree
constexpr double kForSearchAlone = 0.8;   // where there is no tree
constexpr double kBeforeBranching = 0.5;  // of time and iterations, where so few cells are to fill that branching gets far
constexpr std::size_t kBranchable = 150;
// Cells; beyond, a node takes as long as many a search, and its columns are of classes whose devices are not quite alike.
constexpr std::size_t kProvable = 5000;
// Cells; beyond, it takes too long until an assignment has cooled down.
constexpr std::size_t kAssignable = 5000;
constexpr int kIterationsPerNode = 5;  // what a relaxation takes
constexpr int kIterationsPerReassigning = 25;
constexpr std::int64_t kMovesPerCell = 500;
constexpr int kLongerEvery = 8;  // cycles, of twice the moves
// What the devices are to carry: more than the best placement's throughput, and no less than this part of the bound, which
// many a placement comes close to.
constexpr double kMore = 1.02, kOfBound = 0.95;
constexpr double kHotFromColumns = 0.1, kHotFromBest = 0.02;
constexpr int kGroups = 200;            // regrouped before every other annealing
constexpr int kGroupsPerIteration = 5;  // they are small
constexpr std::size_t kGroupable = 5;   // where there are more devices
constexpr int kFirstCycle = 5;          // iterations of the first annealing; later ones are longer
constexpr int kRoundedEvery = 4;        // annealings from a rounding drawn anew, where nothing is reassigned
constexpr int kPatience = 24;           // annealings in a row that led to nothing better before the search ends
// Relative losses that are taken at the start of an annealing, in turn: where memory is tight, one change can cost much.
constexpr std::array<double, 4> kHot = {0.02, 0.1, 0.3, 0.1};

// From one placement. What is left of the time at its end goes to a lower bound, where that is asked for.
Solution climb(const Problem& problem, Solution found, const Effort& effort, bool proves, const Clock& clock) {
  Random random(effort.seed);
  Priced best = priced(problem, found.best.placement);
  const auto take = [&](Priced candidate, const char* by) {
    if (candidate.basis.throughput() <= best.basis.throughput() * (1.0 + kClose)) return false;
    best = std::move(candidate);
    found.found_by = by;
    return true;
  };
  const auto enough = [&] { return std::min(effort.enough, found.bound * (1.0 - kClose)); };
  int left = effort.iterations;
  std::optional<Relaxation> relaxation;
  const auto round = [&](Rounding how) {
    std::optional<Placement> placement = rounded(problem, *relaxation, how, random);
    return placement ? std::optional(priced(problem, std::move(*placement))) : std::nullopt;
  };
  if (left > 0 && best.basis.throughput() < enough() && !clock.over()) {
    relaxation = relax(problem, found.bound, beaten_by(found.best.shares.throughput), {&found.best}, kRounds,
                       Clock(kForBound * clock.left_s()));
    found.bound = std::min(found.bound, relaxation->bound);
    if (std::optional<Priced> start = round(Rounding::kLargest)) take(std::move(*start), "columns");
  }
  const std::size_t cells = problem.devices * problem.models;
  const bool branches = relaxation && cells <= kBranchable, reassigns = relaxation && cells <= kAssignable;
  const int for_branching = branches ? static_cast<int>((1.0 - kBeforeBranching) * left) : 0;
  const Clock searching((branches ? kBeforeBranching : cells <= kProvable ? kForSearch : kForSearchAlone) * clock.left_s());
  const auto reassigned = [&](const Priced& start, double hot, int times) {
    const double target = std::min(found.bound, std::max(kOfBound * found.bound, kMore * best.basis.throughput()));
    std::optional<Placement> placement =
        reassign(problem, start, {target, hot, times * kMovesPerCell * static_cast<std::int64_t>(cells)}, searching, random);
    return placement ? std::optional(priced(problem, std::move(*placement))) : std::nullopt;
  };
  int failures = 0;
  for (int cycle = 0;
       left > for_branching && failures < kPatience && best.basis.throughput() < enough() && !searching.over(); ++cycle) {
    const int length = kFirstCycle << std::min(cycle / 4, 10), spent = std::min(left - for_branching, length);
    left -= spent;
    Priced from = best;
    bool better = false;
    const int times = branches ? 1 : 1 << std::min(cycle / kLongerEvery, 4);
    if (reassigns && left > for_branching + times * kIterationsPerReassigning) {
      left -= times * kIterationsPerReassigning;
      const std::optional<Priced> columns = cycle % 2 == 0 ? round(Rounding::kDrawn) : std::nullopt;
      if (std::optional<Priced> anew =
              columns ? reassigned(*columns, kHotFromColumns, times) : reassigned(best, kHotFromBest, times)) {
        from = std::move(*anew);
        better = take(from, "reassigning");
      }
    } else if (relaxation && cycle % kRoundedEvery == kRoundedEvery - 1) {
      if (std::optional<Priced> columns = round(Rounding::kDrawn)) from = std::move(*columns);
    }
    if (cycle % 2 == 1 && problem.devices > kGroupable) {
      const int iterations = std::min(kGroups / kGroupsPerIteration, left), groups = iterations * kGroupsPerIteration;
      left -= iterations;
      from = regroup(problem, std::move(from), groups, enough(), searching, random);
      better |= take(from, "regrouping");
    }
    better |= take(anneal(problem, from, length * kTriesPerIteration, spent * kTriesPerIteration,
                          kHot[static_cast<std::size_t>(cycle) % kHot.size()], enough(), searching, random),
                   "annealing");
    failures = better ? 0 : failures + 1;
  }
  if (branches && left > 0 && best.basis.throughput() < enough()) {
    Branched branched = branch(problem, best, found.bound, *relaxation, enough(), left / kIterationsPerNode, clock, random);
    found.bound = std::min(found.bound, branched.bound);
    take(std::move(branched.best), "branching");
  }
  Scored scored = score(problem, std::move(best.placement));
  if (scored.shares.throughput > found.best.shares.throughput) found.best = std::move(scored);
  // What is known by now bounds more tightly, and the tree more tightly yet.
  if (proves && relaxation && !branches && found.best.shares.throughput < enough()) {
    relaxation =
        relax(problem, found.bound, beaten_by(found.best.shares.throughput), {&found.best, &*relaxation}, kRounds, clock);
    found.bound = std::min(found.bound, relaxation->bound);
    if (cells > kProvable || found.best.shares.throughput >= enough() || clock.over()) return found;
    Branched branched = branch(problem, priced(problem, found.best.placement), found.bound, *relaxation, enough(),
                               left / kIterationsPerNode, clock, random);
    found.bound = std::min(found.bound, branched.bound);
    if (branched.best.basis.throughput() > found.best.shares.throughput * (1.0 + kClose)) {
      found.best = score(problem, std::move(branched.best.placement));
      found.found_by = "branching";
    }
  }
  return found;
}

// With the accelerators alone; nullopt where there are no others, or the models don't fit.
std::optional<Solution> on_accelerators(const Problem& problem, const Effort& effort, const Clock& clock) {
  std::vector<std::size_t> chosen;
  for (std::size_t device = 0; device < problem.devices; ++device)
    if (problem.accelerator[device]) chosen.push_back(device);
  if (chosen.empty() || chosen.size() == problem.devices) return std::nullopt;
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models; ++m)
      if (!problem.accelerator[device] && problem.pinned[problem.cell(device, m)]) return std::nullopt;
  const Part part = part_of(problem, std::move(chosen));
  const std::optional<Placement> first = first_fit(part.problem);
  if (!first) return std::nullopt;
  const Clock half(0.5 * clock.left_s());
  Solution found =
      climb(part.problem, {score(part.problem, *first), "worst-fit", upper_bound(part.problem)}, effort, false, half);
  Placement placement(problem);
  part.into(problem, found.best.placement, placement);
  found.best = score(problem, std::move(placement));
  return found;
}

}  // namespace

Solution solve(const Problem& problem, Scored first, std::string found_by, const Effort& effort, const Clock& clock) {
  Solution start{std::move(first), std::move(found_by), upper_bound(problem)};
  if (effort.iterations > 0 && !clock.over())
    if (std::optional<Solution> without = on_accelerators(problem, effort, clock))
      if (without->best.shares.throughput > start.best.shares.throughput) {
        start.best = std::move(without->best);
        start.found_by = std::move(without->found_by);
      }
  return climb(problem, std::move(start), effort, true, clock);
}

}  // namespace quorate
