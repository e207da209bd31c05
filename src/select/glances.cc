#include "select/glances.h"

#include <algorithm>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/score_rows.h"
#include "select/top_two.h"

namespace quorate {
namespace {

constexpr std::size_t kLine = 16;   // so many models share a line of the cache
constexpr std::size_t kRows = 128;  // samples at a time at most, whose lines stay in the first cache for all of those models

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
  parallel_for(blocks, threads, [&](std::size_t begin, std::size_t end) {
    ScoreReader read(predictions, scoring.combine);
    std::vector<TopTwo> found(rows);
    for (std::size_t first = begin * rows; first < std::min(end * rows, predictions.samples()); first += rows) {
      found.resize(std::min(rows, predictions.samples() - first));
      for (std::size_t line = 0; line < predictions.models(); line += kLine)
        look(read, own, {line, std::min(predictions.models(), line + kLine)}, first, found);
      find_extremes(predictions.models(), first, found.size());
    }
  });
}

void Glances::look(ScoreReader& read, std::span<const std::int32_t> own, Line models, std::size_t first,
                   std::span<TopTwo> found) {
  const std::size_t classes = read.classes();
  for (std::size_t m = models.begin; m < models.end; ++m) {
    const float* scores = read(m, first, found.size());
    find_top_two(scores, found.size(), classes, own.data() + first, found.data());
    for (std::size_t row = 0; row < found.size(); ++row) {
      const std::size_t at = (first + row) * padded_ + m;
      if (own[first + row] != kNone) own_[at] = scores[row * classes + static_cast<std::size_t>(own[first + row])];
      best_[at] = found[row].best;
      second_[at] = found[row].second;
      place_[at] = found[row].place;
    }
  }
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
