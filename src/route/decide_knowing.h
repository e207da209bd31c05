// decide() for those who know the members' votes already, because the members stand in many tiers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quorate/route/decide.h"

namespace quorate {

// The class that most of the weight votes for, ties to the lowest.
struct Elected {
  std::int32_t of_class = 0;
  double share = 0.0;  // of the weight
};

// votes[k] is the class that member k votes for.
template <class Votes>
Elected elect(std::span<const double> weights, const Votes& votes) {
  Elected elected;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::int32_t candidate = votes[k];
    double share = 0.0;
    for (std::size_t j = 0; j < weights.size(); ++j)
      if (votes[j] == candidate) share += weights[j];
    if (share > elected.share || (share == elected.share && candidate < elected.of_class)) elected = {candidate, share};
  }
  return elected;
}

// `known_votes` [members]: each member's class of highest score, ties to the lowest; empty: not known.
Decision decide_knowing(std::span<const std::int32_t> known_votes, const Tier& tier,
                        std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                        std::size_t asked, std::span<const float> given);

}  // namespace quorate
