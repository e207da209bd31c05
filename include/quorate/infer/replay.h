// A model that only takes the time: for tests, and for measuring what the engine adds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quorate/infer/backend.h"
#include "quorate/plan/profile.h"

namespace quorate {

// What a replayed model answers: sample x gets row x[0] of `probs`, x[0] being its first feature, a whole number.
struct ReplayAnswers {
  const float* probs = nullptr;  // [rows, classes], row-major
  std::size_t rows = 0;
  std::size_t classes = 0;
  std::shared_ptr<const void> owner = nullptr;  // keeps `probs` alive
};

enum class ReplayWait {
  kSpin,   // computes for as long: the time is kept within a microsecond, on a core of its own
  kSleep,  // leaves the core to others: many devices fit on a few cores, and the time is kept within a tenth of a
           // millisecond
};

// A batch of n samples takes latency_of_batch() (plan/interpolate.h) of the model on the device's kind, as in simulate(),
// from its start to its end. On no device in particular it takes that of the
// profile's first kind. Throws std::invalid_argument for a profile that check() refuses or that lacks the model, and for
// answers without rows or classes. Running throws DeviceError for a kind or a batch beyond the profile and for a first
// feature that is no row.
std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers,
                                ReplayWait wait = ReplayWait::kSpin);

}  // namespace quorate
