// A model that only takes the time: for tests, and for measuring what the engine adds.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

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

// Returns when a batch that began then has taken as long as it must.
using ReplayTime = std::function<void(std::chrono::steady_clock::time_point began, double latency_s)>;

// What replayed models that share it know of one another: which of them ran on a device last.
class ReplayedDevices {
 public:
  // `model` of the profile runs on the device now; returns what ran there before, or `model` where nothing did.
  std::size_t follow(const std::string& device, std::size_t model);

 private:
  std::mutex mutex_;
  std::map<std::string, std::size_t> last_;
};

// A batch of n samples takes latency_of_batch() (plan/interpolate.h) of the model on the device's kind, as in simulate(),
// from its start to its end. On no device in particular it takes that of the profile's first kind. Where models share
// `devices`, a batch that follows one of another model there takes longer by the profile's slowdown of the two; without
// `devices` none does. Throws std::invalid_argument for a profile that check() refuses or that lacks the model, and for
// answers without rows or classes. Running throws DeviceError for a kind or a batch beyond the profile and for a first
// feature that is no row.
std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers,
                                ReplayWait wait = ReplayWait::kSpin, std::shared_ptr<ReplayedDevices> devices = nullptr);
std::shared_ptr<Backend> replay(const Profile& profile, const std::string& model, ReplayAnswers answers, ReplayTime wait,
                                std::shared_ptr<ReplayedDevices> devices = nullptr);

}  // namespace quorate
