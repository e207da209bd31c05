// The walks of boxes.h: what happens to a cascade's errors while one of its thresholds moves through a box.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quorate {

// The most thresholds of a cascade that boxes are searched over.
inline constexpr std::size_t kMostThresholds = 3;

// The samples in the order of one stopping tier, `dim`, most certain first.
struct WalkColumn {
  // [samples] each: the rank of the sample in the order of each other stopping tier, those before `dim` first.
  const std::uint32_t* rank[kMostThresholds - 1];
  const std::uint8_t* stopping;  // [samples]: bit u: stopping tier u is wrong
  const std::uint64_t* last;     // [samples]: bit l: last tier l is
};

// Boxes that walk through the same samples [begin, end) of the order; each array has `lanes` entries, a multiple of
// kWalkLanes.
inline constexpr std::size_t kWalkLanes = 16;
struct WalkLanes {
  std::size_t last;  // the last tier
  std::size_t lanes;
  // Positions of the other thresholds: the lowest, and the highest of those before `dim` (walks only).
  const std::uint32_t* low[kMostThresholds - 1];
  const std::uint32_t* high[kMostThresholds - 1];
  // What a sample's stopping at `dim` adds besides its errors, where it would next stop at dim + 1, dim + 2 ... (walks
  // only).
  const std::int32_t* step[kMostThresholds];
  std::int32_t* value;                      // out: the walk's lowest point, or the sum of errors
  std::uint32_t* stopped[kMostThresholds];  // out: how many samples no longer reach tier dim + 1, dim + 2, ...
};

// walk: the lowest point, at most 0, of the sum over prefixes of [begin, end) of `one error << shift` and the lane's step.
// change: the change of errors over all of [begin, end). Both for cascades of `thresholds` stopping tiers, 1 to
// kMostThresholds.
void walk(std::size_t thresholds, std::size_t dim, const WalkColumn& column, std::size_t begin, std::size_t end, int shift,
          const WalkLanes& lanes);
void change(std::size_t thresholds, std::size_t dim, const WalkColumn& column, std::size_t begin, std::size_t end,
            const WalkLanes& lanes);

}  // namespace quorate
