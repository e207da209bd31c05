// All thresholds of one tier in front of a given rest of a cascade, by one pass in the order of the tier's certainty.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "quorate/route/cascade.h"
#include "route/trace.h"

namespace quorate {

// The most tiers that a search builds: an Outcome keeps the tier in 7 bits.
inline constexpr int kDeepest = 64;

// What a cascade costs on average in another unit. It falls as thresholds fall.
struct MeanLimit {
  std::vector<double> of_tier;  // [pool]
  double most;
};

// What the rest of a cascade makes of one sample: which of its tiers answers it, and whether rightly.
class Outcome {
 public:
  Outcome() = default;
  Outcome(std::size_t tier, bool wrong) : bits_(static_cast<std::uint8_t>(tier << 1 | (wrong ? 1u : 0u))) {}
  std::size_t tier() const { return bits_ >> 1; }
  std::size_t wrong() const { return bits_ & 1u; }

 private:
  std::uint8_t bits_ = 0;
};

// The tier that gets a threshold, and the samples that reach it, most certain first (equals in the order of samples).
struct Stage {
  std::vector<std::uint32_t> order;    // [reaching]
  std::vector<double> certainty;       // [reaching], descending
  std::vector<std::uint8_t> wrong;     // [reaching]
  std::size_t samples = 0;             // of all, those that stopped before included
  std::size_t errors_before = 0;       // among those that stopped before
  double cost_before = 0.0;            // mean cost of the tiers up to and with this one
  std::vector<double> limited_before;  // [mean limits]: the same in their units
};
Stage make_stage(std::span<const double> certainty, std::vector<std::uint8_t> wrong);

// The rest of the cascade: what follows the stage.
struct Tail {
  std::vector<Outcome> outcome;      // [samples]
  std::vector<std::uint32_t> tiers;  // of the pool
  std::vector<double> cost;          // [tiers of the tail], of any sample
  std::vector<double> sample_cost;   // [samples], of each through the tail, where samples differ; else empty
};

// The cheapest cascade found for each number of errors. Two numbers name a cascade: what they mean is the caller's.
class CheapestByErrors {
 public:
  struct Entry {
    double cost = std::numeric_limits<double>::infinity();
    double threshold = 0.0;
    std::uint32_t first = kNobody;
    std::uint32_t second = 0;
  };
  static constexpr std::uint32_t kNobody = 0xffffffffu;

  // `limit[e]`: only what is cheaper counts.
  explicit CheapestByErrors(const std::vector<double>& limit);
  void offer(std::size_t errors, double cost, double threshold, std::uint32_t first, std::uint32_t second) {
    if (cost < entries_[errors].cost) entries_[errors] = {cost, threshold, first, second};
  }
  // Takes what is cheaper there; of equals, its own stay.
  void merge(const CheapestByErrors& later);
  const std::vector<Entry>& entries() const { return entries_; }  // [errors]; those that nobody took have kNobody

 private:
  std::vector<Entry> entries_;
};

// Offers the cascade with each threshold that decides differently, kNeverStops and then each certainty that occurs,
// descending, where its means are within the limits. O(reaching x tail tiers).
void sweep(const Stage& stage, const Tail& tail, std::span<const MeanLimit> limits, std::uint32_t first,
           std::uint32_t second, CheapestByErrors& best);

}  // namespace quorate
