// All tiers of a pool asked on every sample, each as if it came first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

struct AskedTiers {
  std::size_t tiers = 0;
  std::size_t samples = 0;
  std::size_t words = 0;             // of a row of `wrong`
  std::vector<double> certainty;     // [tiers, samples]
  std::vector<std::uint64_t> wrong;  // [samples, words]: bit t % 64 of word t / 64: tier t errs
  std::vector<std::size_t> errors;   // [tiers]

  std::span<const double> certainty_of(std::size_t tier) const {
    return std::span(certainty).subspan(tier * samples, samples);
  }
  const std::uint64_t* row(std::size_t sample) const { return wrong.data() + sample * words; }
  bool errs(std::size_t tier, std::size_t sample) const { return row(sample)[tier / 64] >> (tier % 64) & 1u; }
};

// By decide(), as ask() has it. Models' scores are read once for all the tiers of several members that they stand in.
AskedTiers ask_all(const Predictions& predictions, std::span<const Tier> tiers, Combine combine, int threads);

}  // namespace quorate
