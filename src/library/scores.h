// A model's stored numbers as float32, wherever they lie and whatever their type.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "quorate/library/predictions.h"

namespace quorate {

// Numbers [begin, begin + count) of a model's array as they are stored, `data` being the model's, written to `out`. Throws
// FileError where they lie in a file that has become shorter.
template <class T>
void read_stored(const Predictions::Model& model, const T* data, std::size_t begin, std::size_t count, T* out) {
  if (model.file)
    model.file->read(data + begin, count * sizeof(T), out);
  else
    std::copy_n(data + begin, count, out);
}

// The same as float32.
void read_scores(const Predictions::Model& model, std::size_t begin, std::size_t count, float* out);

// Calls body(rows, first, count) for samples [begin, end) in order, piece by piece, with `count` rows of `classes` numbers
// that start at sample `first`. Pieces that are copied stay in a core's cache.
template <class Body>
void for_each_piece(const Predictions::Model& model, std::size_t classes, std::size_t begin, std::size_t end,
                    const Body& body) {
  const auto* const* floats = std::get_if<const float*>(&model.data);
  if (floats != nullptr && !model.file) return body(*floats + begin * classes, begin, end - begin);
  constexpr std::size_t kNumbers = 16384;  // 64 KiB of float32
  const std::size_t most = std::max<std::size_t>(1, kNumbers / classes);
  std::vector<float> buffer(std::min(most, end - begin) * classes);
  for (std::size_t first = begin; first < end; first += most) {
    const std::size_t count = std::min(most, end - first);
    read_scores(model, first * classes, count * classes, buffer.data());
    body(static_cast<const float*>(buffer.data()), first, count);
  }
}

}  // namespace quorate
