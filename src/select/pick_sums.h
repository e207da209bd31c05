// The sums of the picks' scores that answers are taken from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "select/chunks.h"
#include "select/committee.h"
#include "select/score_rows.h"
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

  // Nothing below but picks() and tie() knows of these before settle().
  void clear();
  void add(std::size_t model);
  // Of one of the picks; false, and nothing has changed, where sums have lost too much to rounding for one more.
  bool remove(std::size_t model);

  // Whether highest() is brought up to date is up to the sample: not before there are wake[sample] changes. After each of
  // the chunks, in any order, of_chunk(chunk, its samples that are up to date, ascending).
  void settle(std::span<const std::uint32_t> wake,
              const std::function<void(std::size_t chunk, std::span<const std::uint32_t> awake)>& of_chunk);

  std::span<const double> operator[](std::size_t sample) const {
    return {sums_.data() + sample * predictions_.classes(), predictions_.classes()};
  }
  const Highest& highest(std::size_t sample) const { return highest_[sample]; }
  double lowest() const { return lowest_; }  // no model gives a lower score

  std::uint32_t picks() const { return picks_; }
  std::uint32_t changes() const { return picks_ + 2 * removed_; }  // picks added and taken back since clear()

  // Sums of the picks and one more are equal where their means are within kScoreTie.
  double tie() const { return kScoreTie * (static_cast<double>(picks_) + 1.0); }

  // The samples in pieces, the same for any number of threads.
  const Chunks& chunks() const { return chunks_; }

 private:
  struct Change {
    std::size_t model = 0;
    double times = 0.0;  // negative: taken back
  };

  void change(std::size_t model, double times);
  void add_changes(const Chunks::Range& chunk, ScoreReader& read);

  const Predictions& predictions_;
  Pooling combine_;
  std::vector<std::int32_t> own_;
  Chunks chunks_;
  int threads_;
  double lowest_;
  std::vector<double> sums_;      // [samples, classes]
  std::vector<Highest> highest_;  // [samples]
  std::vector<Change> changes_;   // that sums_ and highest_ lack
  std::uint32_t picks_ = 0;
  std::uint32_t removed_ = 0;  // since all was 0
};

}  // namespace quorate
