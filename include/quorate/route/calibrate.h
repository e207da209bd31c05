// Thresholds with a promise: fresh data turn a cascade that was found on other data into one that is certified.
#pragma once

#include <cstdint>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

struct CalibrateOptions {
  double max_loss_increase = 0.01;  // epsilon, in (0, 1)
  double delta = 0.05;              // in (0, 1)
  std::uint64_t seed = 0;           // of the order in which the samples are looked at
  int threads = 0;
};

// The same tiers with thresholds under which the error rate exceeds the reference's, the error rate if no tier stopped
// early, by more than epsilon with probability at most delta; the probability is over the calibration samples. This holds
// for any number of samples and any distribution, if the samples are drawn independently from the stream that the cascade
// will serve and had no part in training, selecting or finding it. The cheapest such thresholds on a fixed path are taken.
//
//   Path     all thresholds but the last, moved together: logit(t_k) + s for s = 16, 15.875, ... -8, from hardly ever
//            stopping early over the given thresholds (s = 0, exactly) to cheaper ones. A threshold of 1 or more is
//            kNeverStops while s > 0, and one above 1 for every s.
//   Testing  in the path's order, each step at level delta, until the first that fails: fixed-sequence testing, which needs
//   no
//            correction for the number of steps (Angelopoulos, Bates, Candes, Jordan and Lei, Learn then Test, 2021).
//   Test     of "the mean of d is at least epsilon", where d is 1 where only the cascade errs, -1 where only the reference
//            does, else 0: the hedged capital process with the predictable plug-in bets for a fixed sample size, truncated
//            at 3/4 (Waudby-Smith and Ramdas 2024); rejected where the capital ever reaches 1 / delta. Deviation: the one
//            side that matters gets the whole delta. The samples are looked at in an order drawn from `seed`.
//
// The certificate's `bound` inverts the same test at the thresholds taken. Being read at a step that the data chose, it is a
// description; the promise is epsilon. loss, cost (where the tiers know theirs) and found_by's data are those of `calib` and
// of the cascade given. Where not even the first step passes, no tier stops early, `holds` is false, and samples_needed
// estimates how many samples like these would certify the given thresholds: log(1 / delta) over the best growth rate of the
// capital on them, the most of all steps up to s = 0; with that many it takes luck of about one in two. 0 where the measured
// increase is epsilon or more. A cascade of one tier is certified as it stands: it never stops early.
//
// Throws std::invalid_argument for a cascade that check() refuses, predictions of values, epsilon or delta out of range.
// O(tiers x samples x (classes x members + 200)).
Cascade calibrate(const Cascade& cascade, const Predictions& calib, const CalibrateOptions& options = {});

}  // namespace quorate
