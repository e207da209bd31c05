// What most samples need to know of a candidate's scores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "select/score_rows.h"
#include "select/scorer.h"
#include "select/top_two.h"

namespace quorate {

// Of every sample and model: the score of the sample's own class, which all models are asked about, and the two highest of
// the other classes. A sample's models lie side by side, so that they are looked at a vector at a time.
class Glances {
 public:
  static constexpr std::size_t kLanes = 8;  // models are padded to a multiple

  struct Models {               // of one sample, each [padded()]
    const float* own;           // 0 where it has no class of its own
    const float* best;          // -infinity where there is no other class
    const float* second;        // no score of another class but `place` is higher; -infinity where there is none
    const std::int32_t* place;  // the class of `best`, the lowest of equals; 0 where there is none
  };

  // Over the models of one sample.
  struct Extremes {
    float own_most = 0.0f;
    float best_most = 0.0f;
    double ahead_least = 0.0;  // of own - best
  };

  // own[i] in [0, classes), or kAllClasses. One pass over the scores.
  Glances(const Scoring& scoring, std::span<const std::int32_t> own);

  Models operator[](std::size_t sample) const {
    const std::size_t at = sample * padded_;
    return {own_.data() + at, best_.data() + at, second_.data() + at, place_.data() + at};
  }
  const Extremes& extremes(std::size_t sample) const { return extremes_[sample]; }
  std::size_t padded() const { return padded_; }

 private:
  void find_extremes(std::size_t models, std::size_t first, std::size_t rows);

  std::size_t padded_;
  std::vector<float> own_, best_, second_;  // [samples, padded]
  std::vector<std::int32_t> place_;         // [samples, padded]
  std::vector<Extremes> extremes_;          // [samples]
};

}  // namespace quorate
