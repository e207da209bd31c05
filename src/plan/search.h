// Better placements, step by step. Nothing here knows of time: plan() does.
#pragma once

#include <optional>

#include "plan/problem.h"
#include "quorate/core/random.h"

namespace quorate {

// What a placement could reach if the cell ran at this batch, by the prices of the present one: an upper bound, so a change
// that promises no more than the present throughput need not be scored.
double promise(const Problem& problem, const Shares& present, std::size_t device, std::size_t m, int batch);

// One step of the bounded greedy (Pochelu et al., arXiv 2208.14049): of up to `neighbours` placements that
// differ from the present one in one cell of the allocation matrix, drawn at random (all of them where there are no more),
// the best; nullopt where none is better. Neighbours break neither memory nor coverage. Unlike the paper's, a neighbour is
// scored by the best shares instead of a run.
std::optional<Scored> greedy_step(const Problem& problem, const Scored& present, std::size_t neighbours, Random& random);

// One step guided by prices: the cells and batches that promise most, the best promise first and up to `tries` of them, each
// after making room on its device (instances worth least leave it, or move elsewhere where they are their model's only one).
// The first that is better; nullopt where none is.
std::optional<Scored> priced_step(const Problem& problem, const Scored& present, std::size_t tries);

// Clears a few devices drawn at random and places the models that then lack one anew, at random: the way out of a local
// optimum. nullopt where they found no room.
std::optional<Scored> shaken(const Problem& problem, const Scored& present, Random& random);

}  // namespace quorate
