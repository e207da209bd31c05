#include "select/glances.h"

#include <algorithm>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/score_rows.h"
#include "select/top_two.h"

namespace quorate {
namespace {

constexpr std::size_t kLine = 16;   // so many models share a line of a cache, which one thread writes
constexpr std::size_t kRows = 128;  // samples at a time at most, whose lines stay in the first cache for all of those models

}  // namespace

Glances::Glances(const Scoring& scoring, std::span<const std::int32_t> own)
    : padded_((scoring.predictions.models() + kLanes - 1) / kLanes * kLanes),
      own_(scoring.predictions.samples() * padded_, 0.0f),
      best_(own_.size(), 0.0f),
      second_(own_.size(), 0.0f),
      place_(own_.size(), 0),
      extremes_(scoring.predictions.samples()) {
  const std::size_t models = scoring.predictions.models(), samples = scoring.predictions.samples();
  const std::size_t lines = (models + kLine - 1) / kLine;
  const int worth = threads_worth(models * samples * scoring.predictions.classes() / 4, scoring.threads);
  parallel_for(lines, worth, [&](std::size_t begin, std::size_t end) {
    for (std::size_t line = begin; line < end; ++line)
      look(scoring, own, line * kLine, std::min(models, (line + 1) * kLine));
  });
  parallel_for(samples, worth, [&](std::size_t begin, std::size_t end) {
    for (std::size_t sample = begin; sample < end; ++sample) {
      const Models of = (*this)[sample];
      Extremes extremes{of.own[0], of.best[0], double{of.own[0]} - double{of.best[0]}};
      for (std::size_t m = 1; m < models; ++m) {
        extremes.own_most = std::max(extremes.own_most, of.own[m]);
        extremes.best_most = std::max(extremes.best_most, of.best[m]);
        extremes.ahead_least = std::min(extremes.ahead_least, double{of.own[m]} - double{of.best[m]});
      }
      extremes_[sample] = extremes;
    }
  });
}

void Glances::look(const Scoring& scoring, std::span<const std::int32_t> own, std::size_t begin, std::size_t end) {
  const std::size_t classes = scoring.predictions.classes();
  const std::size_t samples = scoring.predictions.samples();
  const std::size_t rows_at_most = std::min(kRows, Chunks(samples, classes).rows_at_most());
  ScoreReader read(scoring.predictions, scoring.combine);
  std::vector<TopTwo> found(rows_at_most);
  for (std::size_t first = 0; first < samples; first += rows_at_most) {
    const std::size_t rows = std::min(rows_at_most, samples - first);
    for (std::size_t m = begin; m < end; ++m) {
      const float* scores = read(m, first, rows);
      find_top_two(scores, rows, classes, own.data() + first, found.data());
      for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t at = (first + row) * padded_ + m;
        if (own[first + row] != kNone) own_[at] = scores[row * classes + static_cast<std::size_t>(own[first + row])];
        best_[at] = found[row].best;
        second_[at] = found[row].second;
        place_[at] = found[row].place;
      }
    }
  }
}

}  // namespace quorate
