// The sums of the picks' scores that answers are taken from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "select/chunks.h"
#include "select/committee.h"
#include "select/scorer.h"

namespace quorate {

class PickSums {
 public:
  // The two highest sums of a sample, its own class left out; -infinity where there are fewer.
  struct Highest {
    double first = 0.0;
    double second = 0.0;
  };

  // own[i] in [0, classes), or negative: none.
  PickSums(const Scoring& scoring, std::span<const std::int32_t> own);

  void clear();
  // Whether highest() is brought up to date is up to the sample: not before pick number wake[sample], 1 for the first.
  void add(std::size_t model, std::span<const std::uint32_t> wake);

  std::span<const double> operator[](std::size_t sample) const {
    return {sums_.data() + sample * predictions_.classes(), predictions_.classes()};
  }
  const Highest& highest(std::size_t sample) const { return highest_[sample]; }
  double lowest() const { return lowest_; }  // no model gives a lower score

  std::uint32_t picks() const { return picks_; }

  // Sums of the picks and one more are equal where their means are within kScoreTie.
  double tie() const { return kScoreTie * (static_cast<double>(picks_) + 1.0); }

  // The samples in pieces, the same for any number of threads.
  const Chunks& chunks() const { return chunks_; }
  int threads() const { return threads_; }

 private:
  const Predictions& predictions_;
  Pooling combine_;
  std::vector<std::int32_t> own_;
  Chunks chunks_;
  int threads_;
  double lowest_;
  std::vector<double> sums_;      // [samples, classes]
  std::vector<Highest> highest_;  // [samples]
  std::uint32_t picks_ = 0;
};

}  // namespace quorate
