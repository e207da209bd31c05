// Samples in pieces whose scores fit a core's cache. The size depends on the classes alone, never on the threads, so that
// sums taken chunk by chunk, in order, are the same for any number of them.
#pragma once

#include <algorithm>
#include <cstddef>

namespace quorate {

class Chunks {
 public:
  struct Range {
    std::size_t first = 0;
    std::size_t rows = 0;
  };

  Chunks(std::size_t samples, std::size_t classes)
      : samples_(samples), rows_(std::min(samples, std::max<std::size_t>(1, kScores / classes))) {}

  std::size_t count() const { return (samples_ + rows_ - 1) / rows_; }
  std::size_t rows_at_most() const { return rows_; }
  Range operator[](std::size_t chunk) const { return {chunk * rows_, std::min(rows_, samples_ - chunk * rows_)}; }

 private:
  static constexpr std::size_t kScores = 16384;  // 64 KiB of float32

  std::size_t samples_;
  std::size_t rows_;
};

}  // namespace quorate
