// What calibrate() tests: one promise about one cascade at one step, and the next.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quorate/route/calibrate.h"
#include "route/count_test.h"
#include "route/trace.h"

namespace quorate {

// The figure promised; the constructor checks options, naming what is wrong.
struct Promise {
  explicit Promise(const CalibrateOptions& options);

  bool of_increase = true;  // else of the error rate itself
  double most = 0.0;        // in (0, 1)
  double delta = 0.0;
};

// Differences d of each sample between the cascade and the reference, and the rule's verdict on them. Samples begin at
// `start`.
class PromiseTest {
 public:
  // `reference` [samples]: 1 where the reference errs (all 0 for a promise of the error rate itself); `could_be_better`: of
  // how many samples d may be -1 at any step. `level` is what of delta this test may spend.
  PromiseTest(const Promise& promise, const CalibrateOptions& options, double level, std::span<const std::uint8_t> reference,
              std::size_t could_be_better);

  // All samples, by whether the cascade errs.
  void set(std::span<const std::uint8_t> wrong);
  // One of them.
  void set(std::size_t sample, std::uint8_t wrong);

  bool passes();
  bool guarantees() const { return rule_ == CalibrationRule::kExact || rule_ == CalibrationRule::kBetting; }

  std::size_t samples() const { return differences_.size(); }
  std::size_t worse() const { return worse_; }
  std::size_t better() const { return better_; }
  double mean() const;
  double bound(double delta) const;  // upper confidence bound of the mean

 private:
  CalibrationRule rule_;
  double most_;
  double level_;
  std::vector<std::uint8_t> reference_;
  std::vector<std::size_t> place_;        // [samples]: in the order of the bets
  std::vector<std::int8_t> differences_;  // in that order
  std::size_t worse_ = 0;
  std::size_t better_ = 0;
  std::optional<CountTest> exact_;
  std::optional<bool> passes_;  // of the differences as they are
};

// About how many samples with such counts in `samples` pass at `level` four times out of five; 0: no number does.
std::size_t samples_needed(const Promise& promise, double level, std::size_t samples, std::size_t worse, std::size_t better);

// Places 0, 1, ... n - 1 in an order drawn from `seed`.
std::vector<std::size_t> shuffled(std::size_t n, std::uint64_t seed);

}  // namespace quorate
