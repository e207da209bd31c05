// Every cascade of two tiers with every threshold, where a tier's answer does not depend on what was asked before it.
//
// A first tier fixes the order in which samples stop, the same for all last tiers. So these are walked together, a byte each
// of a vector: as a sample stops, a cascade's errors change by the first tier's on it less the last tier's. Over a block of
// samples only each cascade's least errors are kept. Where they are no less than what the front has already at the cost of
// the block's end, its lowest, every threshold in the block is dominated; else the block is gone through again, exactly.
#pragma once

#include "route/asked.h"
#include "route/extend.h"

namespace quorate {

// The front with all cascades of depth 2 that fit. O(T^2 N / 64) vector operations for T tiers and N samples.
FoundFront pairs(const Search& search, const AskedTiers& asked, const FoundFront& front);

// Vectors walk so many samples before a byte could overflow.
inline constexpr std::size_t kPairBlock = 120;

// What the walk of one block reads: `rows[p]` is AskedTiers::row() of the sample at place p, `wrong[p]` is 1 where the first
// tier errs on it, `ends[p]` is -1 where a threshold may lie behind it, else 0.
struct PairBlock {
  std::size_t size = 0;
  const std::uint64_t* rows[kPairBlock];
  std::int8_t wrong[kPairBlock];
  bool ends[kPairBlock];
};

// What is known of the last tiers while a first tier's samples stop, padded to `words` x 64 of them.
struct PairLasts {
  std::size_t words = 0;
  std::vector<std::int32_t> errors;      // before the block; behind it after walk_pairs()
  std::vector<float> cells;              // cost in cells of the bound's grid
  std::vector<std::int8_t> change;       // of the errors over the block
  std::vector<std::int8_t> least;        // errors, less those before the block: the least at a place that ends (127: none)
  std::vector<std::uint8_t> may_matter;  // the least errors are below the bound
};

// Walks a block and adds its change to the errors. `bound[c]` bounds what costs c cells: a last tier costs before + its own
// cells x `share` at the end of the block.
void walk_pairs(const PairBlock& block, std::span<const std::int32_t> bound, float before, float share, PairLasts& lasts);

}  // namespace quorate
