// How scorers read a model's scores.
#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/select/ensemble.h"

namespace quorate {

// Reads where the scores lie if they are float32 in memory, else through one buffer. One for each thread; `predictions` must
// outlive it. `combine` is kLogits where they are logarithms.
class ScoreReader {
 public:
  ScoreReader(const Predictions& predictions, Pooling combine)
      : predictions_(predictions),
        as_stored_(combine != Pooling::kLogits && (predictions.has_probabilities() || predictions.has_values())) {}

  std::size_t classes() const { return predictions_.classes(); }

  // [rows, classes] of samples [first, first + rows), until the next call.
  const float* operator()(std::size_t model, std::size_t first, std::size_t rows) {
    if (as_stored_ && !predictions_.raw(model).file)
      if (const auto* const* stored = std::get_if<const float*>(&predictions_.raw(model).data))
        return *stored + first * predictions_.classes();
    const std::size_t size = rows * predictions_.classes();
    if (buffer_.size() < size) buffer_.resize(size);
    predictions_.read(model, first, rows, buffer_.data());
    return buffer_.data();
  }

 private:
  const Predictions& predictions_;
  bool as_stored_;
  std::vector<float> buffer_;
};

}  // namespace quorate
