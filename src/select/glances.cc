#include "select/glances.h"

#include <algorithm>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/score_rows.h"
#include "select/top_two.h"

namespace quorate {
namespace {

constexpr std::size_t kLine = 16;   // so many models share a line of the cache
constexpr std::size_t kRows = 128;  // samples at a time at most, whose lines stay in a near cache for all of those models

}  // namespace

Glances::Glances(const Scoring& scoring, std::span<const std::int32_t> own)
    : padded_((scoring.predictions.models() + kLanes - 1) / kLanes * kLanes),
      own_(scoring.predictions.samples() * padded_, 0.0f),
      best_(own_.size(), 0.0f),
      second_(own_.size(), 0.0f),
      place_(own_.size(), 0),
      extremes_(scoring.predictions.samples()) {
  const Predictions& predictions = scoring.predictions;
  const std::size_t rows = std::min(kRows, Chunks(predictions.samples(), predictions.classes()).rows_at_most());
  const std::size_t blocks = (predictions.samples() + rows - 1) / rows;
  const int threads =
      threads_worth(predictions.models() * predictions.samples() * predictions.classes() / 4, scoring.threads);
  const std::size_t at_once = predictions.classes() <= kFewClasses ? kLine : 1;
  parallel_for(blocks, threads, [&](std::size_t begin, std::size_t end) {
    std::vector<ScoreReader> read(at_once, ScoreReader(predictions, scoring.combine));
    std::vector<const float*> scores;
    for (std::size_t first = begin * rows; first < std::min(end * rows, predictions.samples()); first += rows) {
      const std::size_t here = std::min(rows, predictions.samples() - first);
      for (std::size_t model = 0; model < predictions.models(); model += at_once) {
        scores.resize(std::min(at_once, predictions.models() - model));
        for (std::size_t m = 0; m < scores.size(); ++m) scores[m] = read[m](model + m, first, here);
        const std::size_t at = first * padded_ + model;
        find_top_two(scores, here, predictions.classes(), own.data() + first,
                     {&own_[at], &best_[at], &second_[at], &place_[at]}, padded_);
      }
      find_extremes(predictions.models(), first, here);
    }
  });
}

void Glances::find_extremes(std::size_t models, std::size_t first, std::size_t rows) {
  for (std::size_t sample = first; sample < first + rows; ++sample) {
    const Models of = (*this)[sample];
    Extremes extremes{of.own[0], of.best[0], double{of.own[0]} - double{of.best[0]}};
    for (std::size_t m = 1; m < models; ++m) {
      extremes.own_most = std::max(extremes.own_most, of.own[m]);
      extremes.best_most = std::max(extremes.best_most, of.best[m]);
      extremes.ahead_least = std::min(extremes.ahead_least, double{of.own[m]} - double{of.best[m]});
    }
    extremes_[sample] = extremes;
  }
}

}  // namespace quorate
