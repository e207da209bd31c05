// Small random predictions for tests, and the obvious way to write an .npy.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "quorate/core/half.h"
#include "quorate/core/random.h"
#include "quorate/library/model_library.h"

namespace quorate::test {

// The nearest float16 of a number in [0, 1]: bits ascend as values do, so it is one of two neighbours.
inline Half nearest_half(float value) {
  std::uint16_t below = 0, above = 0x3c00;
  while (above - below > 1) {
    const auto middle = static_cast<std::uint16_t>((below + above) / 2);
    (to_float(Half{middle}) <= value ? below : above) = middle;
  }
  return value - to_float(Half{below}) <= to_float(Half{above}) - value ? Half{below} : Half{above};
}

// [samples, classes], each row a distribution.
inline std::vector<float> random_rows(Random& random, std::size_t samples, std::size_t classes) {
  std::vector<float> rows(samples * classes);
  for (std::size_t sample = 0; sample < samples; ++sample) {
    float sum = 0.0f;
    for (std::size_t c = 0; c < classes; ++c)
      sum += rows[sample * classes + c] = static_cast<float>(random.uniform()) + 0.01f;
    for (std::size_t c = 0; c < classes; ++c) rows[sample * classes + c] /= sum;
  }
  return rows;
}

inline std::vector<Half> as_half(const std::vector<float>& rows) {
  std::vector<Half> result;
  std::ranges::transform(rows, std::back_inserter(result), nearest_half);
  return result;
}

inline std::vector<std::int32_t> random_labels(Random& random, std::size_t samples, std::size_t classes) {
  std::vector<std::int32_t> labels(samples);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(classes));
  return labels;
}

template <class T>
ModelLibrary::Array array_of(const std::vector<T>& rows, std::size_t classes) {
  return {rows.data(), rows.size() / classes, classes};
}

// All of a model's scores as the public interface gives them, [samples, classes].
inline std::vector<float> scores(const Predictions& predictions, std::size_t model) {
  std::vector<float> result(predictions.samples() * predictions.classes());
  predictions.read(model, 0, predictions.samples(), result.data());
  return result;
}

// A file with any header, which need not be true.
template <class T>
std::string npy_bytes(const std::string& header, const std::vector<T>& data) {
  std::string result = std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header;
  return result.append(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(T));
}

}  // namespace quorate::test
