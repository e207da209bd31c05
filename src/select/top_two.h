// The two highest of a sample's scores, for models that lie side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quorate {

constexpr std::int32_t kAllClasses = -1;
constexpr std::size_t kFewClasses = 32;  // up to so many, models are looked at side by side

// Of one sample, the arrays that follow each [models].
struct TopTwo {
  float* own;           // the score of the sample's own class; left alone where it has none
  float* best;          // the highest of the other classes; -infinity where there is none
  float* second;        // the next; -infinity where there is none
  std::int32_t* place;  // the class of `best`, the lowest of equals; 0 where there is none
};

// scores[m] [rows, classes] of each model; own[row] in [0, classes), or kAllClasses. `first` is of the first row, and each
// row's arrays begin `stride` after the row's before.
void find_top_two(std::span<const float* const> scores, std::size_t rows, std::size_t classes, const std::int32_t* own,
                  const TopTwo& first, std::size_t stride);

}  // namespace quorate
