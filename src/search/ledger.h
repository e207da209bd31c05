// A study's memory: the state machine, and for each trial what was acknowledged to whom. No clock, file or thread; what it
// is told is also what is stored, and applying the stored events in order gives the same ledger again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "quorate/search/study.h"
#include "search/checkpoint_bound.h"
#include "search/event.h"

namespace quorate {

// The moment of a call. Leases run on `steady_s`, seconds since any fixed moment that never go back; `time_s`, seconds since
// 1970, is only written down.
struct Now {
  double steady_s = 0.0;
  double time_s = 0.0;
};

// Who holds an attempt: a lease of `lease_s`, or for 0 the scheduler's own process for as long as it lives.
struct Holder {
  double lease_s = 0.0;
  std::string request = {};  // its name, empty for none
};

struct CheckpointRecord {
  std::int64_t resource = 0;
  std::string sha256 = {};
  std::int64_t bytes = 0;
};

// Functions that return an event have changed the ledger; without one (nullopt) there was nothing to change. Those that take
// an attempt throw AttemptOver, changing nothing, where it is over, unless it ended by this very call: then it is repeated,
// and has the same answer.
class Ledger {
 public:
  Ledger(const Space& space, const HyperbandOptions& options) : machine_(space, options) {}

  struct Started {
    Job job;
    int attempt = 0;
    Event event;
  };
  // The next attempt at what is there: of an open job that nobody works on, the earliest trial's first, else a promotion.
  std::optional<Started> resume(const Holder& holder, const Now& now);
  // A new trial, of the first configuration that was enqueued, else of `proposal`, else of the machine's choice.
  Started begin(const Holder& holder, const Now& now, std::optional<Config> proposal = {});
  // Who was handed out under this name.
  std::optional<std::pair<std::int64_t, int>> asked(const std::string& request) const;

  struct Reported {
    bool go_on = false;
    std::optional<Event> event;
  };
  Reported report(std::int64_t trial, int attempt, std::int64_t resource, std::span<const double> losses, const Now& now);

  void heartbeat(std::int64_t trial, int attempt, const Now& now);
  std::optional<Event> done(std::int64_t trial, int attempt, const Now& now);
  std::optional<Event> failed(std::int64_t trial, int attempt, const std::string& why, int max_attempts, const Now& now);
  std::optional<Event> released(std::int64_t trial, int attempt, const Now& now);
  std::optional<Event> note(std::int64_t trial, int attempt, const std::string& text, const Now& now);
  Event enqueue(const Config& config, const Now& now);

  // Attempts whose lease has run out have failed.
  std::vector<Event> expire(int max_attempts, const Now& now);

  // The trial's checkpoint, from now on this one; from now on none.
  Event checkpoint(std::int64_t trial, int attempt, const CheckpointRecord& record, const Now& now);
  std::optional<Event> drop_checkpoint(std::int64_t trial, const Now& now);
  const std::optional<CheckpointRecord>& checkpoint(std::int64_t trial) const { return at(trial).checkpoint; }
  std::int64_t checkpoint_bytes() const { return checkpoint_bytes_; }

  // Once more what was stored. Throws std::invalid_argument where that cannot have happened.
  void apply(const Event& event);
  // After the last of them: attempts that the process held died with it; leases begin anew.
  void reopen(const Now& now);

  void check_open(std::int64_t trial, int attempt) const;
  bool is_open(std::int64_t trial, int attempt) const;
  // Whether the trial's job has reported all that it was asked for.
  bool fulfilled(std::int64_t trial) const { return at(trial).fulfilled; }
  // Reported by the trial's last attempt, 0 before its first report.
  std::int64_t last_resource(std::int64_t trial) const { return at(trial).last_resource; }
  // The job that the attempt is or was at; throws std::invalid_argument where there never was one.
  Job job(std::int64_t trial, int attempt) const;

  const AsyncHyperband& machine() const { return machine_; }
  std::int64_t running() const { return running_; }
  bool finished(std::int64_t trials) const;
  Trial trial(std::int64_t number) const;
  double loss(std::int64_t trial, std::int64_t resource) const;  // NaN where none was reported
  std::vector<StoredCheckpoint> checkpoints() const;
  TrialState state(std::int64_t trial) const;
  std::map<TrialState, std::int64_t> states() const;

  struct Best {
    std::int64_t trial = 0;
    std::int64_t resource = 0;
    double loss = 0.0;

    bool operator==(const Best&) const = default;
  };
  std::optional<Best> best() const;  // as Study::best

 private:
  enum class Outcome : unsigned char { kOpen, kDone, kFailed, kReleased };
  struct Attempt {
    Outcome outcome = Outcome::kOpen;
    int rung = 0;
  };
  struct Loss {
    std::int64_t resource = 0;
    double loss = 0.0;
    int attempt = 0;  // which reported it
    std::vector<double> more = {};
  };
  struct Record {
    Job job;
    std::vector<Attempt> attempts;  // number 1 first
    int failures = 0;               // of this job
    bool open = false;              // the job has not ended
    bool running = false;           // somebody works on it
    bool fulfilled = false;
    double lease_s = 0.0;
    double deadline_s = 0.0;
    std::int64_t last_resource = 0;  // reported by this attempt
    std::optional<std::int64_t> stopped_at;
    std::vector<Loss> losses;  // by resource
    std::optional<CheckpointRecord> checkpoint;
    std::string message;
    double started_s = 0.0;
    double changed_s = 0.0;
    // As counted in states_ and best_.
    std::optional<TrialState> counted;
    std::optional<Best> candidate;
  };

  Record& at(std::int64_t trial);
  const Record& at(std::int64_t trial) const;
  Record& open_record(std::int64_t trial, int attempt);
  bool repeated(std::int64_t trial, int attempt, Outcome outcome) const;
  Record& begin_job(Job job);
  Event count_attempt(Record& record, const Holder& holder, const Now& now);
  void end_attempt(Record& record, Outcome outcome, const Now& now);
  void count(Record& record);
  const Loss* loss_at(const Record& record, std::int64_t resource) const;
  std::int64_t to_resource(const Record& record, int attempt) const;
  void replace_checkpoint(Record& record, const CheckpointRecord& checkpoint);
  void replay_start(const Event& event);

  AsyncHyperband machine_;
  std::vector<Record> records_;
  std::set<std::int64_t> waiting_;  // open jobs that nobody works on
  std::set<std::int64_t> leased_;   // running ones that a lease holds
  std::map<std::string, std::pair<std::int64_t, int>> requests_;
  std::int64_t running_ = 0;
  std::int64_t checkpoint_bytes_ = 0;
  std::array<std::int64_t, 6> states_{};                           // [TrialState]
  std::set<std::tuple<std::int64_t, double, std::int64_t>> best_;  // -resource, loss, trial
};

}  // namespace quorate
