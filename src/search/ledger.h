// A study's memory: the state machine, and for each trial what was acknowledged to whom. No clock, file or thread; what it
// is told is also what is stored, and applying the stored events in order gives the same ledger again.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "quorate/search/study.h"

namespace quorate {

//   kStart   `attempt` was handed out; `text` is the configuration of a new trial, else empty
//   kReport  `loss` at `resource` was acknowledged
//   kDone    the attempt did what its job asks for
//   kFailed  the attempt ended without that, for the reason `text`, and the job is to be tried again
//   kGaveUp  the same for the last time
//   kNote    `text` is worth knowing
enum class EventKind { kStart, kReport, kDone, kFailed, kGaveUp, kNote };

struct Event {
  EventKind kind = EventKind::kNote;
  std::int64_t trial = 0;
  int attempt = 0;
  std::int64_t resource = 0;
  double loss = 0.0;
  std::string text = {};
};

// All functions that change it throw std::invalid_argument, changing nothing, where `attempt` is not the trial's open
// attempt.
class Ledger {
 public:
  Ledger(const Space& space, const HyperbandOptions& options) : machine_(space, options) {}

  struct Started {
    Job job;
    int attempt = 0;
    Event event;
  };
  // The next attempt: of an open job that nobody works on, else the machine's choice, new trials up to `limit` in all.
  std::optional<Started> start(std::int64_t limit);

  struct Reported {
    bool go_on = false;
    std::optional<Event> event;  // absent where an earlier attempt had reported it
  };
  Reported report(std::int64_t trial, int attempt, std::int64_t resource, double loss);

  // Whether the trial's job has reported all that it was asked for.
  bool fulfilled(std::int64_t trial) const { return at(trial).fulfilled; }

  Event done(std::int64_t trial, int attempt);
  Event failed(std::int64_t trial, int attempt, const std::string& why, int max_attempts);
  Event note(std::int64_t trial, int attempt, const std::string& text);
  void interrupted(std::int64_t trial, int attempt);  // leaves no event: so it is found when the process dies

  // Once more what was stored. Throws std::invalid_argument where that cannot have happened.
  void apply(const Event& event);
  void interrupt_all();

  void check_open(std::int64_t trial, int attempt) const;
  const AsyncHyperband& machine() const { return machine_; }
  std::int64_t running() const { return running_; }
  Trial trial(std::int64_t number) const;
  TrialState state(std::int64_t trial) const;

  struct Best {
    std::int64_t trial = 0;
    std::int64_t resource = 0;
    double loss = 0.0;
  };
  std::optional<Best> best() const;  // as Study::best

 private:
  struct Record {
    Job job;
    int attempt = 0;
    int failures = 0;      // of this job
    bool open = false;     // the job has not ended
    bool running = false;  // somebody works on it
    bool fulfilled = false;
    std::int64_t last_resource = 0;  // reported by this attempt
    std::optional<std::int64_t> stopped_at;
    std::map<std::int64_t, double> losses;
    std::string message;
  };

  Record& at(std::int64_t trial);
  const Record& at(std::int64_t trial) const;
  Record& open_record(std::int64_t trial, int attempt);
  Record& begin(Job job);
  void count_attempt(Record& record);
  void end(Record& record);

  AsyncHyperband machine_;
  std::vector<Record> records_;
  std::set<std::int64_t> waiting_;  // open jobs that nobody works on
  std::int64_t running_ = 0;
};

}  // namespace quorate
