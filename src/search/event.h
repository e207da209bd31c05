// What happened in a study, in order: the only thing that is stored, and enough to know everything else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quorate {

//   kStart       `attempt` was handed out, to be held for `lease_s`, or by the scheduler's own process where that is 0;
//   `text` is
//                the configuration of a new trial, else empty; `request` is the name under which it was asked for
//   kReport      `loss` at `resource` was acknowledged; `more` are the other objectives
//   kDone        the attempt did what its job asks for
//   kFailed      the attempt ended without that, for the reason `text`, and the job is to be tried again
//   kGaveUp      the same for the last time
//   kReleased    the attempt handed its job back
//   kNote        `text` is worth knowing
//   kEnqueued    a coming trial is to have the configuration `text`
//   kCheckpoint  the trial can go on from `resource`: a checkpoint with the SHA-256 `text` and `bytes` bytes replaces others
//   kDropped     the trial's checkpoint is no more
enum class EventKind { kStart, kReport, kDone, kFailed, kGaveUp, kReleased, kNote, kEnqueued, kCheckpoint, kDropped };

struct Event {
  EventKind kind = EventKind::kNote;
  std::int64_t trial = 0;
  int attempt = 0;
  std::int64_t resource = 0;
  double loss = 0.0;
  std::string text = {};
  std::vector<double> more = {};
  std::string request = {};
  double lease_s = 0.0;
  std::int64_t bytes = 0;
  double time_s = 0.0;  // since 1970

  bool operator==(const Event&) const = default;
};

// [objectives], as they were reported.
inline std::vector<double> all_losses(double first, const std::vector<double>& more) {
  std::vector<double> losses = {first};
  losses.insert(losses.end(), more.begin(), more.end());
  return losses;
}

}  // namespace quorate
