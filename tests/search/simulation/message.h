// What is said between the workers and the scheduler, and how the simulator says that something is wrong.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/message.h"
#include "search/ledger.h"

namespace quorate::simulation {

// Something that must never be.
class Violation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Violation(message(parts...));
}

// Parts that are dear to make are for fail().
template <class... Parts>
void check(bool holds, const Parts&... parts) {
  if (!holds) fail(parts...);
}

enum class Call { kAsk, kExpire, kReport, kHeartbeat, kTell, kFail, kRelease, kNote, kCheckpoint, kDrop, kEnqueue };

inline const char* to_text(Call call) {
  constexpr const char* kNames[] = {"ask",     "expire", "report",     "heartbeat", "tell",   "fail",
                                    "release", "note",   "checkpoint", "drop",      "enqueue"};
  return kNames[static_cast<int>(call)];
}

struct Message {
  Call call = Call::kHeartbeat;
  std::int64_t trial = 0;
  int attempt = 0;
  std::int64_t resource = 0;
  std::vector<double> losses = {};
  std::string text = {};  // the name of a request, the reason of a failure, a note, a hash
  bool held = false;      // the one that asks is of the scheduler's own process
  std::int64_t bytes = 0;
  std::optional<Config> config = {};  // to be enqueued, or proposed
};

// kOver stands for AttemptOver, kWrong for any other std::invalid_argument, kNothing for an ask that has no job.
struct Answer {
  enum class Kind { kOk, kNothing, kOver, kWrong };
  Kind kind = Kind::kOk;
  bool go_on = false;  // of a report
  Job job = {};        // of an ask
  int attempt = 0;
};

inline const char* to_text(Answer::Kind kind) {
  constexpr const char* kNames[] = {"ok", "nothing", "over", "wrong"};
  return kNames[static_cast<int>(kind)];
}

inline const char* to_text(EventKind kind) {
  constexpr const char* kNames[] = {"start",    "report", "done",     "failed",     "gave up",
                                    "released", "note",   "enqueued", "checkpoint", "dropped"};
  return kNames[static_cast<int>(kind)];
}

inline bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

inline bool same(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

// NaN is the same as NaN.
inline bool same(const Event& a, const Event& b) {
  return a.kind == b.kind && a.trial == b.trial && a.attempt == b.attempt && a.resource == b.resource &&
         same(a.loss, b.loss) && a.text == b.text && same(a.more, b.more) && a.request == b.request &&
         a.lease_s == b.lease_s && a.bytes == b.bytes && a.time_s == b.time_s;
}

inline bool same(const Trial& a, const Trial& b) {
  if (a.losses.size() != b.losses.size() || a.values.size() != b.values.size()) return false;
  for (auto x = a.losses.begin(), y = b.losses.begin(); x != a.losses.end(); ++x, ++y)
    if (x->first != y->first || !same(x->second, y->second)) return false;
  for (auto x = a.values.begin(), y = b.values.begin(); x != a.values.end(); ++x, ++y)
    if (x->first != y->first || !same(x->second, y->second)) return false;
  return a.number == b.number && a.config == b.config && a.state == b.state && a.bracket == b.bracket &&
         a.attempts == b.attempts && a.message == b.message && a.started_s == b.started_s && a.changed_s == b.changed_s;
}

inline std::string to_text(const Event& event) {
  return message(to_text(event.kind), " ", event.trial, ":", event.attempt, " resource ", event.resource, " loss ",
                 event.loss, joined(event.more, " "), " \"", event.text, "\" request \"", event.request, "\" lease ",
                 event.lease_s, " bytes ", event.bytes, " at ", event.time_s);
}

}  // namespace quorate::simulation
