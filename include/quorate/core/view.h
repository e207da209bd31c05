// Views of row-major arrays that somebody else owns. Arguments only, never members.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace quorate {

// [rows, cols], row-major and contiguous.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;

  std::span<T> operator[](std::size_t row) const { return {data + row * cols, cols}; }
  T& operator()(std::size_t row, std::size_t col) const { return data[row * cols + col]; }
};

}  // namespace quorate
