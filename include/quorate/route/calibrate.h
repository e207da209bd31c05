// Thresholds with a promise: fresh data turn a cascade that was found on other data into one that is certified.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"

namespace quorate {

// How thresholds are chosen.
//   kExact    tested by an exact test of the counts of differences (below): keeps the promise, and stops earliest
//   kBetting  tested by a bet's capital (Waudby-Smith and Ramdas 2024): keeps the promise
//   kPlugIn   the cheapest whose measured figure is small enough, as a grid search takes it: guarantees nothing
//   kPlain    the rule of agreement-based cascading (arXiv 2407.02348) on up to 100 samples: guarantees nothing
enum class CalibrationRule { kExact, kBetting, kPlugIn, kPlain };

// "exact", "betting", "plug_in", "plain". The way back throws std::invalid_argument listing them.
std::string to_string(CalibrationRule rule);
CalibrationRule calibration_rule_from_string(std::string_view name);

struct CalibrateOptions {
  // What is promised, one of the two; 0.01 more than the reference where neither is given.
  std::optional<double> max_loss_increase = std::nullopt;  // epsilon, in (0, 1): of the error rate, over the reference's
  std::optional<double> max_loss = std::nullopt;           // in (0, 1): of the error rate itself
  double delta = 0.05;                                     // in (0, 1)
  CalibrationRule rule = CalibrationRule::kExact;
  std::size_t searched = 1;  // sequences of tiers that the search chose from on these very samples; 1: none, they are fresh
  std::uint64_t seed = 0;    // of the order in which kBetting looks at the samples, and of those that kPlain takes
  int threads = 0;
};

// The same tiers with thresholds under which, with probability at least 1 - delta over the calibration samples, the error
// rate is at most max_loss, or exceeds the reference's, the error rate if no tier stopped early, by at most
// max_loss_increase. This holds for any number of samples and any distribution, if the samples are drawn independently from
// the stream that the cascade will serve and had no part in training or selecting the models, nor in finding the cascade
// (but see `searched`).
//
//   Path     All thresholds but the last move together: with one, through every number from above 1 down to 0; with several,
//            logit(t_k) + s for every number s downwards. One above 1 stays. The data have no influence on the path. What is
//            decided changes only where a sample's certainty is crossed, so those are the steps that need a test.
//   Testing  In the path's order, each step at level delta, until the first that fails: fixed-sequence testing
//            (Angelopoulos, Bates, Candes, Jordan and Lei, Learn then Test, 2021; Bates et al., 2021), which needs no
//            correction for their number. Also of a continuum: the error rate is continuous from above in s, so where a
//            promise is broken at an s that was taken, the highest s' >= s where the hypothesis "the mean is at least
//            epsilon" holds was passed, and that step alone is rejected wrongly with probability at most delta.
//   Test     Of d, which is 1 where only the cascade errs, -1 where only the reference does, else 0 (with max_loss: 1 where
//            the cascade errs, else 0). kExact: the exact trinomial test of src/route/count_test.h at level 0.99 delta,
//            given an upper bound of the share of samples where d can be -1 that fails with probability delta / 100 (Berger
//            and Boos 1994). With max_loss: the binomial test. kBetting: the hedged capital process with the predictable
//            plug-in bets for a fixed sample size, truncated at 3/4; rejected where it ever reaches 1 / delta. Deviation:
//            the one side that matters gets the whole delta.
//   Search   Where the tiers were chosen on the same samples, out of `searched` sequences of tiers, each sequence has had
//            its own path, with thresholds that start equal, at level delta / searched (Bonferroni): the certificate pays
//            for the search, and certificate.candidates says for how many.
//
// The certificate's `bound` is of level 1 - delta at the thresholds taken, were they given beforehand; read at a step that
// the data chose it is a description. loss, cost (where the tiers know theirs) and found_by's data are those of `calib` and
// of the cascade given. Where not even one early stop passes, no tier stops early and `holds` is false. Where the thresholds
// given were not reached, samples_needed estimates how many samples like these would certify them four times out of five, by
// the normal approximation; 0 where their measured figure is no better than the one promised. A cascade of one tier never
// stops early: its loss increase is certified as it stands.
//
// kPlugIn takes the last step of the path whose measured mean is at most epsilon. kPlain takes, tier by tier, the lowest
// threshold under which at most a share epsilon of the samples stops there with a wrong answer. Their certificates don't
// hold.
//
// Throws std::invalid_argument for a cascade that check() refuses, predictions of values, fewer samples than thresholds,
// both of max_loss_increase and max_loss, one of them or delta out of range, searched of 0. O(tiers x samples x (classes x
// members + log samples)) and the table of the test; kBetting O(samples) a step.
Cascade calibrate(const Cascade& cascade, const Predictions& calib, const CalibrateOptions& options = {});

// The cheapest cascade that can be certified, out of several. The reference is the error rate of the last candidate if no
// tier stopped early, for all of them. Each candidate has its own path at level delta / candidates. Where none is certified
// the answer is the last one, without early stops, and its certificate does not hold.
//
// Candidates that were found on these very samples: `searched` is what they were chosen from, and the level is delta /
// searched, with max_loss_increase delta / searched^2, as the reference was chosen too.
//
// Throws as above, and for no candidate, kPlain, or candidates of which no tier knows its cost.
Cascade calibrate(std::span<const Cascade> candidates, const Predictions& calib, const CalibrateOptions& options = {});

// The same of a front from a search on other data. The reference is its cascade of least loss as it is, thresholds included.
// Up to three of its cascades are candidates, each on its own path at level delta / candidates: the cheapest whose loss on
// the data of the search is above the least by at most a quarter, a half and all of what is promised. Where none of them is
// certified and cheaper the answer is the cascade of least loss as it is, and its certificate does not hold. With searched
// above 1 the front's cascades are candidates as above.
Cascade calibrate(const CascadeFront& front, const Predictions& calib, const CalibrateOptions& options = {});

}  // namespace quorate
