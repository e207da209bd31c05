// One cascade on its path: what calibrate() does once, or for each candidate.
#pragma once

#include <cstdint>
#include <span>

#include "route/promise.h"
#include "route/trace.h"

namespace quorate {

// Throws std::invalid_argument for what calibrate() refuses of a cascade and its data.
void check_calibration(const Cascade& cascade, const Predictions& calib);

// The cascade with thresholds taken from its path, and their certificate, at `level` of delta. `reference` [samples]: 1
// where the reference errs.
Cascade certify(const Cascade& cascade, std::span<const TierTrace* const> tiers, std::span<const std::uint8_t> reference,
                const Promise& promise, const CalibrateOptions& options, double level);

// The rule of agreement-based cascading; see calibrate.h.
Cascade plain(const Cascade& cascade, std::span<const TierTrace* const> tiers, const Promise& promise,
              const CalibrateOptions& options);

// The cascade with these thresholds [depth - 1], its loss and cost on the samples traced.
Cascade with_thresholds(const Cascade& cascade, std::span<const TierTrace* const> tiers, std::span<const double> thresholds);

// What a certificate of the cascade says of the differences that `test` holds; the caller adds holds, samples_needed and
// candidates.
Certificate certificate_of(const Cascade& cascade, const Promise& promise, const CalibrateOptions& options,
                           const PromiseTest& test, double reference_loss);

double share_wrong(std::span<const std::uint8_t> wrong);

}  // namespace quorate
