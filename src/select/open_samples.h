// Scores that a glance does not decide, read a few at a time, so that they come from memory while others are looked at.
#pragma once

#include <array>
#include <cstddef>
#include <variant>

#include "quorate/library/predictions.h"

namespace quorate {

// A sample that may depend on the candidate, and a candidate, each by its place in a list.
struct OpenPair {
  std::size_t open = 0;
  std::size_t candidate = 0;
};

// Asks for the scores of classes [first, end) of a sample before they are read. A processor reads on by itself after some
// lines of its cache. Files are not read ahead.
inline void fetch_scores(const Predictions& predictions, std::size_t model, std::size_t sample, std::size_t first,
                         std::size_t end) {
  if (!predictions.has_probabilities() || predictions.raw(model).file) return;
  std::visit(
      [&]<class T>(const T* data) {
        constexpr std::size_t kLine = 64 / sizeof(T), kLines = 8;
        const T* row = data + sample * predictions.classes();
        for (std::size_t c = first; c < end && c < first + kLines * kLine; c += kLine) __builtin_prefetch(row + c);
        __builtin_prefetch(row + end - 1);
      },
      predictions.raw(model).data);
}

// Calls decide(pair) for pairs in the order in which they are pushed, when some have gathered or by flush().
template <class Decide>
class OpenPairs {
 public:
  explicit OpenPairs(Decide decide) : decide_(std::move(decide)) {}

  void push(OpenPair pair) {
    pairs_[count_++] = pair;
    if (count_ == pairs_.size()) flush();
  }

  void flush() {
    for (std::size_t k = 0; k < count_; ++k) decide_(pairs_[k]);
    count_ = 0;
  }

 private:
  Decide decide_;
  std::array<OpenPair, 64> pairs_;
  std::size_t count_ = 0;
};

}  // namespace quorate
