// The two highest of a row of scores.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quorate {

struct TopTwo {
  float best;          // -infinity where there is none
  float second;        // -infinity where there is none
  std::int32_t place;  // the class of `best`, the lowest of equals; 0 where there is none
};

// Of each row of `scores` [rows, classes], but those of class own[row]; negative: of all.
void find_top_two(const float* scores, std::size_t rows, std::size_t classes, const std::int32_t* own, TopTwo* found);

}  // namespace quorate
