#include "quorate/plan/plan.h"

#include <algorithm>
#include <limits>

#include "plan/answer.h"
#include "plan/bound.h"
#include "plan/cheapest.h"
#include "plan/clock.h"
#include "plan/pack.h"
#include "plan/paper.h"
#include "plan/problem.h"
#include "plan/quickest.h"
#include "plan/solve.h"

namespace quorate {
namespace {

constexpr std::size_t kNeighbours = 100;  // of a step of the paper's greedy
constexpr int kRounds = 300;              // of column generation, for the bound beside the paper's placements

// As arXiv 2208.14049 would place the models, with our bound beside it.
Solution as_in_paper(const Problem& problem, Scored first, std::string found_by, const PlanOptions& options,
                     const Clock& clock) {
  Solution found{std::move(first), std::move(found_by), upper_bound(problem)};
  if (options.algorithm == Algorithm::kBatch) {
    found.best = tuned_batches(problem, std::move(found.best), clock);
    found.found_by = "batch";
  } else if (options.algorithm == Algorithm::kGreedy) {
    Random random(options.seed);
    for (int i = 0; i < options.max_iterations && !clock.over(); ++i) {
      std::optional<Scored> next = greedy_step(problem, found.best, kNeighbours, random);
      if (!next) break;
      found.best = std::move(*next);
      found.found_by = "greedy";
    }
  }
  found.bound = relax(problem, found.bound, beaten_by(found.best.shares.throughput), {&found.best}, kRounds, clock).bound;
  return found;
}

}  // namespace

Plan plan(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  const Clock clock(options.time_limit_s);
  const Problem problem = make_problem(profile, devices, options);
  if (options.objective == Objective::kLatency) return quickest(profile, devices, options);
  Plan result = unanswered(profile, devices, options);
  Packing packing = pack({profile, devices, options}, problem);
  result.why = packing.why;
  if (!packing.placement) return result;
  Scored first = score(problem, std::move(*packing.placement));
  const Effort effort{options.max_iterations, std::numeric_limits<double>::infinity(), options.seed};
  Solution found = options.algorithm == Algorithm::kSearch
                       ? solve(problem, std::move(first), packing.found_by, effort, clock)
                       : as_in_paper(problem, std::move(first), packing.found_by, options, clock);
  if (options.objective != Objective::kThroughput) {
    Cheapest cheapest = cheapest_for(problem, std::move(found), options, clock);
    result.why = cheapest.why;
    if (!cheapest.why.empty()) return result;
    found = std::move(cheapest.solution);
    result.least_cost = cheapest.least_cost;
  }
  answer(result, profile, problem, found);
  return result;
}

}  // namespace quorate
