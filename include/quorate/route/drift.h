// A cascade in production, watched without labels: does what it sees still look like what it was calibrated on?
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/rank_martingale.h"

namespace quorate {

struct DriftOptions {
  double delta = 0.01;     // probability of a false alarm, ever; in (0, 1)
  std::uint64_t seed = 0;  // of the ranks' ties, and of which calibration samples place the bets on exits
  int threads = 0;         // for the calibration samples; the answer does not depend on it
};

// One of the things watched.
struct DriftPart {
  std::string what;       // "exits", or "certainty of tier 0", ...
  double evidence = 0.0;  // logarithm of its highest e-value so far: the alarm's is log(1 / delta) or more
  double expected = 0.0;  // on the calibration samples: the mean tier that answered; the mean certainty where it did
  double observed = 0.0;  // the same of the stream; NaN before the first sample

  bool operator==(const DriftPart&) const = default;
};

// An alarm that sounds with probability at most delta over ANY horizon, an endless stream included, as long as the stream is
// exchangeable with the calibration samples: drawn independently from one distribution, say, whatever it is. The number of
// calibration samples enters exactly; few of them cost power, not validity.
//
// Watched are the tier that answers (the exit) and how certain it was:
//   exits      the ranks of the tiers, ties broken at random, among calibration samples and stream so far. A random fifth of
//              the calibration samples only tells where to place the bets (the shares of the tiers); the others count.
//   certainty  for each tier that answers, the ranks of its certainty among the samples that it answered, in cells (1,219 of
//              them, fixed, finer towards 0 and 1 by powers of two; more than 32 a power of two).
//
// Each is a RankMartingale, with its own e-value E_i. The alarm sounds when max_i w_i E_i >= 1 / delta, with w_i = 1 /
// (number watched). Proof: (1) Exits: given the fifth, the other calibration samples and the stream are exchangeable, so E_0
// is a martingale and P(E_0 ever >= 1 / (w_0 delta)) <= w_0 delta. (2) Certainty of tier k: given which tier answers each
// sample, permuting the samples of one tier does not change their joint distribution, so the certainties of that tier are
// exchangeable and E_k is a martingale in the time of its own samples; the bound holds given the exits, hence also without.
// (3) Adding up: the w_i sum to 1. The e-values live in different filtrations, so that their average need not be one; the
// maximum needs no common filtration, and costs at most log(number watched) of evidence beside it. (Vovk and Wang 2021 on
// e-values.)
//
// What it cannot see: a change that leaves exits and certainties alone (labels that change, models that become wrong but not
// less sure). With n calibration samples a shift worth d nats a sample, from the very start, gathers at most about n x d
// nats: where that is below log(1 / delta) it is never found.
//
// State changes by observe() alone: no clock, and the same observations with the same seed give the same alarm, in one piece
// or with a save and a load between.
class DriftMonitor {
 public:
  // `calib`: fresh samples of the stream to be served, that had no part in training, selecting or finding the cascade (else
  // it looks surer on them than it will be). Labels are not used but for the fall-back's loss. Throws std::invalid_argument
  // for a cascade that check() refuses, predictions of values, a signal "given" without certainty, delta out of range.
  DriftMonitor(const Cascade& cascade, const Predictions& calib, const DriftOptions& options = {});

  // A sample: the tier that answered, from 0, asked first to last; its certainty. Throws std::invalid_argument for a tier
  // that is not there or a certainty outside [0, 1], NaN included; nothing is counted then. After an alarm samples are
  // counted but not bet on.
  void observe(int tier, double certainty);

  // Several, in their order; both of one length. All are checked before the first is counted.
  void observe(std::span<const std::int32_t> tier, std::span<const double> certainty);

  bool alarm() const { return at_.has_value(); }
  std::optional<std::uint64_t> at() const { return at_; }  // number of the sample that raised the alarm, from 1
  std::string drifted() const;                             // what raised it; empty before
  double evidence() const;                                 // log of the highest max_i w_i E_i so far; log(1 / delta) alarms.
                                                           // exp(-evidence) is a p-value that may be read at any time
  std::uint64_t samples() const { return samples_; }       // observed
  std::vector<DriftPart> parts() const;
  std::vector<double> expected_share() const;  // [depth]: of the calibration samples that each tier answers
  std::vector<double> observed_share() const;  // [depth]: of the observed samples; NaN before the first
  double delta() const { return delta_; }
  int depth() const { return static_cast<int>(cascade_.tiers.size()); }

  // What to run: the cascade; after an alarm the same with no early stops (thresholds kNeverStops), its loss on the
  // calibration samples, no certificate, and found_by that says so.
  const Cascade& cascade() const { return alarm() ? fall_back_ : cascade_; }

  // {"format": "quorate.drift_monitor", ...} and back: all of its state. FileError for what cannot be one.
  friend std::string to_json(const DriftMonitor& monitor);
  friend DriftMonitor drift_monitor_from_json(std::string_view text, const std::string& name);

 private:
  DriftMonitor() = default;
  void count(std::size_t tier, double certainty);

  Cascade cascade_;
  Cascade fall_back_;
  double delta_ = 0.01;
  std::uint64_t seed_ = 0;
  std::uint64_t samples_ = 0;
  std::optional<std::uint64_t> at_;
  std::vector<double> placing_;                   // [depth]: the shares of exits that place the bets
  std::vector<RankMartingale> watched_;           // exits, then certainty of each tier; of one tier no exits
  std::vector<std::uint64_t> calibration_exits_;  // [depth]
  std::vector<std::uint64_t> observed_exits_;     // [depth]
  std::vector<double> calibration_certainty_;     // [depth]: sums
  std::vector<double> observed_certainty_;        // [depth]: sums
};

std::string to_json(const DriftMonitor& monitor);
DriftMonitor drift_monitor_from_json(std::string_view text, const std::string& name = "drift monitor");
void save(const DriftMonitor& monitor, const std::filesystem::path& path);
DriftMonitor load_drift_monitor(const std::filesystem::path& path);

}  // namespace quorate
