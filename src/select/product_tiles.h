// The inner loop of products.cc: inner products of all pairs of rows of a matrix.
#pragma once

#include <cstddef>

namespace quorate {

inline constexpr std::size_t kTile = 4;    // rows and columns of a tile
inline constexpr std::size_t kRun = 1024;  // products summed in float before double takes them over
inline constexpr std::size_t kAlign = 16;  // rows are padded with 0 to a multiple

// [models, length], a row every `stride`; models a multiple of kTile, length of kAlign and at most kRun.
struct Rows {
  const float* data;
  std::size_t models;
  std::size_t length;
  std::size_t stride;
};

// sums[t][i][j] += rows[kTile a + i] . rows[kTile b + j] for the tiles t = (a, b), b >= a, in that order. On the widest
// vectors that the processor has: the rounding of a product depends on it.
void add_product_tiles(const Rows& rows, double* sums);

}  // namespace quorate
