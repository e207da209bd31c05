// A study by the rules in words: what every call has to answer, and which events it has to leave. Nothing of it is the code
// under test but the drawing of configurations and brackets, which must depend on the seed and a trial's number alone.
#pragma once

#include <deque>
#include <map>

#include "search/simulation/message.h"
#include "search/simulation/rungs.h"

namespace quorate::simulation {

// Trials as they are drawn where nothing else ever happens.
class Draws {
 public:
  Draws(const Space& space, const HyperbandOptions& options) : machine_(space, options) {}
  const Job& operator[](std::int64_t trial) {
    while (static_cast<std::int64_t>(jobs_.size()) <= trial) jobs_.push_back(machine_.begin());
    return jobs_[static_cast<std::size_t>(trial)];
  }

 private:
  AsyncHyperband machine_;
  std::deque<Job> jobs_;
};

// floor(max / eta^k), as far down as min, equal ones once.
inline std::vector<std::int64_t> resources(const HyperbandOptions& options) {
  __extension__ using Wide = __int128;
  const auto thousandths = static_cast<std::int64_t>(std::llround(options.eta * 1000.0));
  std::vector<std::int64_t> result;
  Wide numerator = options.max_resource, denominator = 1;
  for (auto value = options.max_resource; value >= options.min_resource;) {
    if (result.empty() || value < result.front()) result.insert(result.begin(), value);
    numerator *= 1000;
    denominator *= thousandths;
    value = static_cast<std::int64_t>(numerator / denominator);
  }
  return result;
}

class Model {
 public:
  struct Options {
    int max_attempts = 1;
    double lease_s = 1.0;
    std::int64_t trials = 0;
  };
  enum class Outcome { kOpen, kDone, kFailed, kReleased };
  struct Attempt {
    int rung = 0;
    double lease_s = 0.0;
    Outcome outcome = Outcome::kOpen;
  };
  struct Measured {
    std::vector<double> losses;
    int attempt = 0;
  };
  struct TrialRecord {
    Config config;
    int bracket = 0;
    int rung = 0;          // where its last job ends
    bool open = true;      // that job has not ended
    bool running = false;  // somebody works on it
    bool fulfilled = false;
    int failures = 0;                        // of this job
    int measured = -1;                       // the highest rung with its losses
    TrialState rest = TrialState::kRunning;  // what it is when its last job has ended; kRunning: not known yet
    std::optional<std::int64_t> stopped_at;
    std::vector<Attempt> attempts;
    std::map<std::int64_t, Measured> losses;
    std::int64_t checkpoint_bytes = 0;  // 0: none
    std::int64_t checkpoint_resource = 0;
    std::string message;
    double started_s = 0.0;
    double changed_s = 0.0;
    // What a scheduler that died has forgotten.
    double deadline_s = 0.0;
    std::int64_t last_resource = 0;
  };
  struct Expected {
    Answer answer;
    std::vector<Event> events;
  };

  Model(const Space& space, const HyperbandOptions& options)
      : options_(options), draws_(space, options), stop_(options.mode == Mode::kStop) {
    clear();
  }

  Expected handle(const Message& message, const Options& options, const Now& now);
  void apply(const Event& event);

  // The scheduler died, and its log was read.
  void rebuild(const std::vector<Event>& log, const Now& now) {
    clear();
    for (const Event& event : log) apply(event);
    for (TrialRecord& t : trials_) {
      if (!t.running) continue;
      t.deadline_s = now.steady_s + t.attempts.back().lease_s;
      if (t.attempts.back().lease_s == 0.0) end(t, Outcome::kReleased, t.changed_s);
    }
  }

  std::int64_t trials() const { return static_cast<std::int64_t>(trials_.size()); }
  const TrialRecord& at(std::int64_t trial) const { return trials_[static_cast<std::size_t>(trial)]; }
  TrialState state(const TrialRecord& t) const {
    return t.running ? TrialState::kRunning : t.open ? TrialState::kWaiting : t.rest;
  }
  std::int64_t count(TrialState state) const {
    return std::count_if(trials_.begin(), trials_.end(), [&](const TrialRecord& t) { return this->state(t) == state; });
  }
  bool promotable() const { return rungs_->next().has_value(); }
  bool finished(std::int64_t trials) const {
    return this->trials() >= trials && count(TrialState::kRunning) + count(TrialState::kWaiting) == 0 && !promotable();
  }
  bool is_open(std::int64_t trial, int attempt) const {
    return at(trial).running && attempt == static_cast<int>(at(trial).attempts.size());
  }
  std::int64_t checkpoint_bytes() const {
    std::int64_t sum = 0;
    for (const TrialRecord& t : trials_) sum += t.checkpoint_bytes;
    return sum;
  }
  std::optional<Ledger::Best> best() const {
    std::optional<Ledger::Best> best;
    for (std::int64_t trial = 0; trial < trials(); ++trial)
      for (const auto& [resource, measured] : at(trial).losses) {
        const double loss = measured.losses[0];
        if (state(at(trial)) == TrialState::kFailed || !std::isfinite(loss)) continue;
        if (!best || resource > best->resource || (resource == best->resource && loss < best->loss))
          best = {trial, resource, loss};
      }
    return best;
  }
  Job job(std::int64_t trial, int attempt) const {
    const TrialRecord& t = at(trial);
    const int rung = t.attempts[static_cast<std::size_t>(attempt) - 1].rung;
    return {trial,
            t.config,
            t.bracket,
            rung,
            stop_ || rung == t.bracket ? 0 : rungs_->resource(rung - 1),
            rungs_->resource(rung)};
  }
  Trial trial(std::int64_t number) const {
    const TrialRecord& t = at(number);
    Trial result{number,    t.config,    state(t),   t.bracket, {}, {}, static_cast<int>(t.attempts.size()),
                 t.message, t.started_s, t.changed_s};
    for (const auto& [resource, measured] : t.losses) {
      result.losses[resource] = measured.losses[0];
      if (options_.objectives > 1) result.values[resource] = measured.losses;
    }
    return result;
  }

 private:
  void clear() {
    trials_.clear();
    queue_.clear();
    requests_.clear();
    rungs_.emplace(resources(options_), std::llround(options_.eta * 1000.0), options_.mode);
  }
  TrialRecord& at(std::int64_t trial) { return trials_[static_cast<std::size_t>(trial)]; }
  void end(TrialRecord& t, Outcome outcome, double time_s) {
    t.attempts.back().outcome = outcome;
    t.running = false;
    t.changed_s = time_s;
  }
  void leave(Expected& expected, Event event) {
    apply(event);
    expected.events.push_back(std::move(event));
  }
  Event about(EventKind kind, const Message& m, const Now& now) const {
    return {.kind = kind, .trial = m.trial, .attempt = m.attempt, .time_s = now.time_s};
  }
  void give_up_or_retry(Expected& expected, const Message& m, const std::string& why, const Options& options,
                        const Now& now);
  void expire(Expected& expected, const Options& options, const Now& now);
  void ask(Expected& expected, const Message& m, const Options& options, const Now& now);
  void report(Expected& expected, const Message& m, const Now& now);
  void apply_start(const Event& event);
  void apply_report(const Event& event);

  HyperbandOptions options_;
  Draws draws_;
  bool stop_;
  std::map<std::string, Config> configs_;  // by their text
  // What the log says.
  std::vector<TrialRecord> trials_;
  std::deque<std::string> queue_;
  std::map<std::string, std::pair<std::int64_t, int>> requests_;
  std::optional<Rungs> rungs_;
};

}  // namespace quorate::simulation
