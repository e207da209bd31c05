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
constexpr std::uint32_t kRemovals = 64;

// A float times a small whole number is exact in double.
struct AddScores {
  template <int>
  [[gnu::always_inline]] static void run(const float* scores, std::size_t count, double times, double* __restrict sums) {
    for (std::size_t i = 0; i < count; ++i) sums[i] += times * double{scores[i]};
  }
};

// Of the classes but the sample's own.
struct FindHighest {
  template <int>
  [[gnu::always_inline]] static void run(const std::uint32_t* samples, std::size_t count, std::size_t classes,
                                         const std::int32_t* own, double* of_samples, PickSums::Highest* found) {
    if (classes <= kFew) return of_few(samples, count, classes, own, of_samples, found);
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t sample = samples[k];
      double* sums = of_samples + sample * classes;
      if (own[sample] < 0) {
        found[sample] = highest(sums, classes);
        continue;
      }
      const double left_out = sums[own[sample]];
      sums[own[sample]] = kNothing;
      found[sample] = highest(sums, classes);
      sums[own[sample]] = left_out;
    }
  }

 private:
  static constexpr std::size_t kFew = 4 * kLanes;
  static constexpr std::size_t kSamples = 32;  // at a time

  template <std::size_t kCount>
  [[gnu::always_inline]] static void take(const double* sums, double* first, double* second) {
    for (std::size_t lane = 0; lane < kCount; ++lane) {
      const double sum = sums[lane];
      const double lower = sum < first[lane] ? sum : first[lane];
      first[lane] = sum > first[lane] ? sum : first[lane];
      second[lane] = lower > second[lane] ? lower : second[lane];
    }
  }

  // A sample in each lane.
  [[gnu::always_inline]] static void of_few(const std::uint32_t* samples, std::size_t count, std::size_t classes,
                                            const std::int32_t* own, const double* of_samples, PickSums::Highest* found) {
    double of_class[kFew][kSamples] = {};
    for (std::size_t k = 0; k < count; k += kSamples) {
      const std::size_t here = std::min(kSamples, count - k);
      for (std::size_t lane = 0; lane < here; ++lane) {
        const std::size_t sample = samples[k + lane];
        const double* sums = of_samples + sample * classes;
        for (std::size_t c = 0; c < classes; ++c) of_class[c][lane] = sums[c];
        if (own[sample] >= 0) of_class[own[sample]][lane] = kNothing;
      }
      double first[kSamples], second[kSamples];
      std::fill_n(first, kSamples, kNothing);
      std::fill_n(second, kSamples, kNothing);
      for (std::size_t c = 0; c < classes; ++c) take<kSamples>(of_class[c], first, second);
      for (std::size_t lane = 0; lane < here; ++lane) found[samples[k + lane]] = {first[lane], second[lane]};
    }
  }

  // Classes in lanes.
  [[gnu::always_inline]] static PickSums::Highest highest(const double* sums, std::size_t classes) {
    double first[kLanes], second[kLanes], rest[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) first[lane] = second[lane] = rest[lane] = kNothing;
    std::size_t c = 0;
    for (; c + kLanes <= classes; c += kLanes) take<kLanes>(sums + c, first, second);
    std::copy(sums + c, sums + classes, rest);
    take<kLanes>(rest, first, second);
    PickSums::Highest found{kNothing, kNothing};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double lower = std::min(first[lane], found.first);
      found.first = std::max(first[lane], found.first);
      found.second = std::max({lower, second[lane], found.second});
    }
    return found;
  }
};

}  // namespace

PickSums::PickSums(const Scoring& scoring, std::span<const std::int32_t> own)
    : predictions_(scoring.predictions),
      combine_(scoring.combine),
      own_(own.begin(), own.end()),
      chunks_(predictions_.samples(), predictions_.classes()),
      threads_(threads_worth(predictions_.samples() * (predictions_.classes() + 16) / 4, scoring.threads)),
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
  change(model, 1.0);
}

bool PickSums::remove(std::size_t model) {
  if (removed_ == kRemovals) return false;
  ++removed_;
  --picks_;
  change(model, -1.0);
  return true;
}

void PickSums::change(std::size_t model, double times) {
  for (Change& change : changes_)
    if (change.model == model) {
      change.times += times;
      return;
    }
  changes_.push_back({model, times});
}

void PickSums::settle(std::span<const std::uint32_t> wake,
                      const std::function<void(std::size_t, std::span<const std::uint32_t>)>& of_chunk) {
  const std::uint32_t now = changes();
  parallel_for(chunks_.count(), threads_, [&](std::size_t begin, std::size_t end) {
    ScoreReader read(predictions_, combine_);
    std::vector<std::uint32_t> awake(chunks_.rows_at_most());
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const auto [first, rows] = chunks_[chunk];
      std::size_t count = 0;
      for (std::size_t sample = first; sample < first + rows; ++sample) {
        awake[count] = static_cast<std::uint32_t>(sample);
        count += wake[sample] <= now ? 1 : 0;
      }
      if (!changes_.empty()) {
        add_changes(chunks_[chunk], read);
        run_widest<FindHighest>(static_cast<const std::uint32_t*>(awake.data()), count, predictions_.classes(),
                                static_cast<const std::int32_t*>(own_.data()), sums_.data(), highest_.data());
      }
      of_chunk(chunk, {awake.data(), count});
    }
  });
  changes_.clear();
}

void PickSums::add_changes(const Chunks::Range& chunk, ScoreReader& read) {
  const std::size_t classes = predictions_.classes();
  double* sums = sums_.data() + chunk.first * classes;
  for (const auto& [model, times] : changes_)
    if (times != 0.0) run_widest<AddScores>(read(model, chunk.first, chunk.rows), chunk.rows * classes, times, sums);
}

}  // namespace quorate
