// The planner of Pochelu et al. (arXiv 2208.14049), to compare with.
#pragma once

#include <optional>

#include "plan/clock.h"
#include "plan/problem.h"
#include "quorate/core/random.h"

namespace quorate {

// What a placement could reach if the cell ran at this batch, by the prices of the present one: an upper bound, so a change
// that promises no more than the present throughput need not be scored.
double promise(const Problem& problem, const Shares& present, std::size_t device, std::size_t m, int batch);

// One step of the bounded greedy: of up to `neighbours` placements that differ from the present one in one cell of the
// allocation matrix, drawn at random (all of them where there are no more), the best; nullopt where none is better.
// Neighbours break neither memory nor coverage. Unlike the paper's, a neighbour is scored by the best shares instead of a
// run.
std::optional<Scored> greedy_step(const Problem& problem, const Scored& present, std::size_t neighbours, Random& random);

// Batch sizes alone: the best change of one placed cell's batch, until none is better.
Scored tuned_batches(const Problem& problem, Scored present, const Clock& clock);

}  // namespace quorate
