// Tiers asked on every sample of a set of predictions, by decide().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/decide.h"

namespace quorate {

// Throws std::invalid_argument for predictions of values: a cascade answers a class.
void check_classes(const Predictions& predictions);

// Throws std::invalid_argument for Signal::kGiven where the predictions have no certainty of the user's.
void check_given(const Predictions& predictions, Signal signal);

// Throws std::invalid_argument unless threads >= 0; trace() calls it.
void check_threads(int threads);

// What one tier says of each sample.
struct TierTrace {
  std::vector<double> certainty;     // [samples]
  std::vector<std::int32_t> answer;  // [samples]: the class that the cascade answers if it stops here
  std::vector<std::uint8_t> wrong;   // [samples]: 1 where the answer is not the label

  explicit TierTrace(std::size_t samples) : certainty(samples), answer(samples), wrong(samples) {}
};

// One tier. `means` [samples, classes] holds the mean of the `averaged` tiers before it and is left as it was; with
// averaged = 0 it may be empty. Asked first, a tier answers alike for Combine::kLast and kMean.
TierTrace ask(const Predictions& predictions, const Tier& tier, std::size_t averaged = 0, std::span<const double> means = {},
              Combine combine = Combine::kMean);

// The same, replacing `means` by the mean that includes this tier.
TierTrace ask_and_average(const Predictions& predictions, const Tier& tier, std::size_t averaged, std::span<double> means,
                          Combine combine = Combine::kMean);

// Every tier of a cascade, as if none stopped early: [depth].
std::vector<TierTrace> trace(const Cascade& cascade, const Predictions& predictions, int threads);

// The tier that answers a sample, where each of `tiers` says what it would: the first that may stop, else the last.
inline std::size_t stopping_tier(std::span<const TierTrace* const> tiers, std::span<const double> thresholds,
                                 std::size_t sample) {
  std::size_t k = 0;
  while (k + 1 < tiers.size() && !may_stop(tiers[k]->certainty[sample], thresholds[k])) ++k;
  return k;
}

// Pointers to the traces, as stopping_tier() takes them.
std::vector<const TierTrace*> pointers(const std::vector<TierTrace>& tiers);

}  // namespace quorate
