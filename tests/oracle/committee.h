// What a cascade answers, one sample after the other.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "quorate/infer/engine.h"
#include "quorate/route/decide.h"

namespace quorate::oracle {

// `scores_of(model, sample)` are a model's [classes] scores.
inline Answer answers(const Cascade& cascade, std::size_t samples, std::size_t classes,
                      const std::function<std::vector<float>(int model, std::size_t sample)>& scores_of) {
  Answer result{samples, classes, {}, {}, {}, {}, std::vector<std::uint8_t>(samples), {}, {}};
  for (std::size_t sample = 0; sample < samples; ++sample) {
    std::vector<double> mean(classes);
    for (std::size_t tier = 0;; ++tier) {
      std::vector<std::vector<float>> scores;
      std::vector<const float*> pointers;
      for (const int model : cascade.tiers[tier].members) scores.push_back(scores_of(model, sample));
      for (const auto& member : scores) pointers.push_back(member.data());
      const Decision decision = decide(cascade.tiers[tier], pointers, mean, cascade.combine, tier);
      if (!decision.stop) continue;
      for (const double score : mean) result.probs.push_back(static_cast<float>(score));
      result.tier.push_back(static_cast<std::int32_t>(tier));
      result.certainty.push_back(decision.certainty);
      result.answer.push_back(decision.answer);
      break;
    }
  }
  return result;
}

}  // namespace quorate::oracle
