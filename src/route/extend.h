// One more tier for the cascades of a front.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/front.h"
#include "route/asked.h"
#include "route/sweep.h"
#include "route/tiers.h"

namespace quorate {

// A cascade while it is being searched for.
struct Found {
  std::vector<std::uint32_t> tiers;     // [depth], of the pool
  std::vector<double> thresholds = {};  // [depth - 1]
  std::size_t errors = 0;
  double loss = 0.0;
  double cost = 0.0;
};
using FoundFront = Front<Found>;

// What a sample that reaches the last tier costs in another unit, and each tier by its place.
struct WorstLimit {
  std::vector<double> of_tier;  // [pool]
  double most;
  std::vector<double> most_of_tier;  // [place], the last entry also of those after it; empty: no limit
};

struct Search {
  const Predictions& predictions;
  const TierPool& pool;
  double max_worst_cost;
  int threads;
  Combine combine = Combine::kLast;
  std::vector<MeanLimit> mean_limits = {};
  std::vector<WorstLimit> worst_limits = {};

  bool fits(std::span<const std::uint32_t> tiers) const;  // no model twice, within the limits but of means
};

// Whether a cascade of which `reached[k]` samples reach tier k is within the limits of means.
bool within_means(const Search& search, std::span<const std::uint32_t> tiers, std::span<const std::size_t> reached);

// The front with the cascades of `depth` tiers that can be made, each with its best thresholds, from cascades of one tier
// less: from all single tiers where depth is 2, else from the cascades of that depth on the front.
//   prepend  Combine::kLast: a tier asked before them, for which they are what follows
//   append   else: a tier asked after them, whose last tier gets a threshold
FoundFront prepend(const Search& search, const AskedTiers& asked, const FoundFront& front, std::size_t depth);
FoundFront append(const Search& search, const FoundFront& front, std::size_t depth);

// A last tier alone as the rest of a cascade.
Tail last_tier(const Search& search, std::uint32_t tier, std::span<const std::uint8_t> wrong);

// Fills a table by calling body(index, table) for every index in [0, count), in parallel; of equals, what the lowest index
// offered stays, for any number of threads. Only what the front does not beat counts.
CheapestByErrors cheapest(const Search& search, const FoundFront& front, std::size_t count,
                          const std::function<void(std::size_t index, CheapestByErrors& best)>& body);

// The cascades that an extension starts from, see above: of many, so many that are evenly spaced on the front.
inline constexpr std::size_t kMostExtended = 512;
std::vector<Found> extended(const Search& search, const FoundFront& front, std::size_t depth);

// The front with what a table holds added. `named(first, second)` gives the tiers and the thresholds but the new one; the
// new one goes to `place`.
FoundFront with_table(const Search& search, const FoundFront& front, const CheapestByErrors& best, std::size_t place,
                      const std::function<Found(std::uint32_t first, std::uint32_t second)>& named);

}  // namespace quorate
