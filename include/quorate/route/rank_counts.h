// How many values fell into each of some ordered cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quorate {

// A Fenwick tree (1994): both operations in O(log cells).
class RankCounts {
 public:
  explicit RankCounts(std::size_t cells) : sums_(cells + 1), counts_(cells) {}

  void add(std::size_t cell, std::uint64_t times = 1) {
    counts_[cell] += times;
    total_ += times;
    for (std::size_t i = cell + 1; i < sums_.size(); i += i & (~i + 1)) sums_[i] += times;
  }
  std::uint64_t below(std::size_t cell) const {
    std::uint64_t sum = 0;
    for (std::size_t i = cell; i > 0; i -= i & (~i + 1)) sum += sums_[i];
    return sum;
  }
  std::uint64_t at(std::size_t cell) const { return counts_[cell]; }
  std::uint64_t total() const { return total_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }  // [cells]

 private:
  std::vector<std::uint64_t> sums_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace quorate
