#include "select/pick_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quorate/core/parallel.h"
#include "select/cpu.h"

namespace quorate {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();
constexpr std::size_t kLanes = 8;

// Each removal rounds a sum once more, by up to 1.1e-16 of it: that many leave it within a hundredth of a tie.
constexpr int kRemovals = 64;

struct AddScores {
  template <int>
  [[gnu::always_inline]] static void run(const float* scores, std::size_t count, bool added, double* __restrict sums) {
    if (added)
      for (std::size_t i = 0; i < count; ++i) sums[i] += double{scores[i]};
    else
      for (std::size_t i = 0; i < count; ++i) sums[i] -= double{scores[i]};
  }
};

struct FindHighest {
  template <int>
  [[gnu::always_inline]] static void run(std::size_t rows, std::size_t classes, const std::int32_t* own,
                                         const std::uint32_t* wake, std::uint32_t now, double* sums,
                                         PickSums::Highest* found) {
    for (std::size_t row = 0; row < rows; ++row, sums += classes) {
      if (wake[row] > now) continue;
      if (own[row] < 0) {
        found[row] = highest(sums, classes);
        continue;
      }
      const double left_out = sums[own[row]];
      sums[own[row]] = kNothing;
      found[row] = highest(sums, classes);
      sums[own[row]] = left_out;
    }
  }

 private:
  [[gnu::always_inline]] static PickSums::Highest highest(const double* sums, std::size_t classes) {
    PickSums::Highest found{kNothing, kNothing};
    const auto take = [&found](double first, double second) {
      const double lower = first < found.first ? first : found.first;
      const double next = second > lower ? second : lower;
      found.first = first > found.first ? first : found.first;
      found.second = next > found.second ? next : found.second;
    };
    if (classes < 4 * kLanes) {
      for (std::size_t c = 0; c < classes; ++c) take(sums[c], kNothing);
      return found;
    }
    double first[kLanes], second[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) first[lane] = second[lane] = kNothing;
    std::size_t c = 0;
    for (; c + kLanes <= classes; c += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double sum = sums[c + lane];
        const double lower = sum < first[lane] ? sum : first[lane];
        first[lane] = sum > first[lane] ? sum : first[lane];
        second[lane] = lower > second[lane] ? lower : second[lane];
      }
    for (std::size_t lane = 0; c < classes; ++c, ++lane) {
      const double lower = sums[c] < first[lane] ? sums[c] : first[lane];
      first[lane] = sums[c] > first[lane] ? sums[c] : first[lane];
      second[lane] = lower > second[lane] ? lower : second[lane];
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(first[lane], second[lane]);
    return found;
  }
};

}  // namespace

PickSums::PickSums(const Scoring& scoring, std::span<const std::int32_t> own)
    : predictions_(scoring.predictions),
      combine_(scoring.combine),
      own_(own.begin(), own.end()),
      chunks_(predictions_.samples(), predictions_.classes()),
      threads_(threads_worth(predictions_.samples() * predictions_.classes() / 8, scoring.threads)),
      lowest_(combine_ == Pooling::kLogits ? double{std::log(static_cast<float>(kLeastProbability))} : 0.0),
      sums_(predictions_.samples() * predictions_.classes()),
      highest_(predictions_.samples()) {
  clear();
}

void PickSums::clear() {
  picks_ = 0;
  removed_ = 0;
  changes_.clear();
  std::fill(sums_.begin(), sums_.end(), 0.0);
  for (std::size_t i = 0; i < highest_.size(); ++i) {
    const std::size_t others = predictions_.classes() - (own_[i] < 0 ? 0 : 1);
    highest_[i] = {others > 0 ? 0.0 : kNothing, others > 1 ? 0.0 : kNothing};
  }
}

void PickSums::add(std::size_t model) {
  ++picks_;
  changes_.push_back({model, true});
}

bool PickSums::remove(std::size_t model) {
  if (removed_ == kRemovals) return false;
  ++removed_;
  --picks_;
  changes_.push_back({model, false});
  return true;
}

void PickSums::settle(std::span<const std::uint32_t> wake, const std::function<void(std::size_t)>& of_chunk) {
  parallel_for(chunks_.count(), threads_, [&](std::size_t begin, std::size_t end) {
    ScoreReader read(predictions_, combine_);
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      if (!changes_.empty()) settle(chunks_[chunk], wake.data(), read);
      of_chunk(chunk);
    }
  });
  changes_.clear();
}

void PickSums::settle(const Chunks::Range& chunk, const std::uint32_t* wake, ScoreReader& read) {
  const auto [first, rows] = chunk;
  const std::size_t classes = predictions_.classes();
  double* sums = sums_.data() + first * classes;
  for (const auto& [model, added] : changes_) run_widest<AddScores>(read(model, first, rows), rows * classes, added, sums);
  run_widest<FindHighest>(rows, classes, static_cast<const std::int32_t*>(own_.data() + first), wake + first, picks_, sums,
                          highest_.data() + first);
}

}  // namespace quorate
