// The ledger as a study uses it: a change, then its events in the log, then the answer. Each call is held against the model.
#pragma once

#include <memory>
#include <ostream>
#include <set>

#include "search/simulation/model_calls.h"
#include "search/simulation/model_events.h"
#include "search/simulation/witness.h"

namespace quorate::simulation {

class Scheduler {
 public:
  Scheduler(const Space& space, const HyperbandOptions& hyperband, std::ostream* trace)
      : space_(space), hyperband_(hyperband), model_(space, hyperband), trace_(trace) {
    ledger_ = std::make_unique<Ledger>(space_, hyperband_);
  }

  Model::Options options;
  Witness witness;

  // The answer is good, and may be given, once `ticket` events are written.
  struct Handled {
    Answer answer;
    std::size_t ticket = 0;
    std::vector<EventKind> events;
  };
  Handled handle(const Message& m, const Now& now) {
    const Model::Expected expected = model_.handle(m, options, now);
    std::vector<Event> events;
    const Answer answer = call(m, now, events);
    for (std::size_t i = 0; i < std::max(events.size(), expected.events.size()); ++i) {
      if (i >= events.size()) fail(to_text(m.call), " left nothing, but must leave ", to_text(expected.events[i]));
      if (i >= expected.events.size()) fail(to_text(m.call), " left ", to_text(events[i]), ", but must not");
      if (!same(events[i], expected.events[i]))
        fail(to_text(m.call), " left ", to_text(events[i]), ", but must leave ", to_text(expected.events[i]));
    }
    check_answer(m, answer, expected.answer);
    Handled handled{answer, 0, {}};
    for (const Event& event : events) {
      if (trace_) *trace_ << "    " << to_text(event) << "\n";
      handled.events.push_back(event.kind);
    }
    check_counts(events);
    pending_.insert(pending_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
    handled.ticket = log_.size() + pending_.size();
    return handled;
  }

  std::size_t written() const { return log_.size(); }
  std::size_t pending() const { return pending_.size(); }
  const std::vector<Event>& log() const { return log_; }
  const Model& model() const { return model_; }
  std::int64_t checkpoint_resource(std::int64_t trial) const { return model_.at(trial).checkpoint_resource; }

  // Just those whose last job has ended or, in mode kStop, is only yet to be told.
  std::vector<std::int64_t> least_promising() const {
    std::vector<std::int64_t> trials = ledger_->machine().least_promising();
    const std::set<std::int64_t> once(trials.begin(), trials.end());
    std::int64_t ended = 0;
    for (std::int64_t trial = 0; trial < model_.trials(); ++trial) ended += model_.at(trial).rest != TrialState::kRunning;
    check(std::ssize(trials) == ended && std::ssize(once) == ended, "least_promising() has ", trials.size(), " trials, not ",
          ended);
    for (const std::int64_t trial : trials)
      check(model_.at(trial).rest != TrialState::kRunning, "least_promising() has trial ", trial, ", which is trained");
    return trials;
  }

  // The first `count` of those that wait are written.
  void write(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      witness.written(pending_[i]);
      log_.push_back(std::move(pending_[i]));
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  // Nothing is left but what was written.
  void crash_and_recover(const Now& now) {
    pending_.clear();
    ledger_ = std::make_unique<Ledger>(space_, hyperband_);
    try {
      for (const Event& event : log_) ledger_->apply(event);
    } catch (const std::invalid_argument& error) {
      throw Violation(message("the log cannot be replayed: ", error.what()));
    }
    ledger_->reopen(now);
    model_.rebuild(log_, now);
    check_counts({});
    check_all();
  }

  void check_all() const {
    check_trials(*ledger_);
    witness.check_all(*ledger_);
  }

  // A second ledger, from what the first has left, is the same: while the scheduler's own process holds no attempt, which it
  // would take for dead. `future`: also in what it does next; neither is of use then.
  void check_replay(const Now& now, bool future) {
    Ledger twin(space_, hyperband_);
    for (const auto* events : {&log_, &pending_})
      for (const Event& event : *events) twin.apply(event);
    twin.reopen(now);
    check(twin.running() == ledger_->running() && twin.states() == ledger_->states() && twin.best() == ledger_->best() &&
              twin.checkpoint_bytes() == ledger_->checkpoint_bytes(),
          "a replayed ledger counts something else");
    check_trials(twin);
    for (int begun = 0; future && begun < 3;) {
      auto a = ledger_->resume({}, now), b = twin.resume({}, now);
      check(a.has_value() == b.has_value(), "a replayed ledger ", b ? "resumes" : "does not resume", " a trial");
      if (!a) {
        a = ledger_->begin({}, now);
        b = twin.begin({}, now);
        ++begun;
      }
      if (a->job != b->job || a->attempt != b->attempt || !same(a->event, b->event))
        fail("a replayed ledger does ", to_text(b->event), ", the first one ", to_text(a->event));
    }
  }

 private:
  Answer call(const Message& m, const Now& now, std::vector<Event>& events);
  void check_answer(const Message& m, const Answer& answer, const Answer& expected) const;
  void check_counts(const std::vector<Event>& events) const;
  void check_trials(const Ledger& ledger) const {
    for (std::int64_t number = 0; number < model_.trials(); ++number) check_trial(ledger, number);
  }
  void check_trial(const Ledger& ledger, std::int64_t number) const {
    const Trial trial = ledger.trial(number), expected = model_.trial(number);
    if (!same(trial, expected)) fail("trial ", number, " is ", to_json(trial), ", but must be ", to_json(expected));
    const auto& record = model_.at(number);
    const auto& checkpoint = ledger.checkpoint(number);
    check(checkpoint.has_value() == (record.checkpoint_bytes > 0) &&
              (!checkpoint ||
               (checkpoint->bytes == record.checkpoint_bytes && checkpoint->resource == record.checkpoint_resource)),
          "trial ", number, " has another checkpoint than was recorded last");
  }

  Space space_;
  HyperbandOptions hyperband_;
  Model model_;
  std::unique_ptr<Ledger> ledger_;
  std::vector<Event> log_, pending_;
  std::ostream* trace_;
};

inline Answer Scheduler::call(const Message& m, const Now& now, std::vector<Event>& events) {
  Answer answer;
  const auto leave = [&events](std::optional<Event> event) {
    if (event) events.push_back(*std::move(event));
  };
  try {
    switch (m.call) {
      case Call::kAsk: {
        if (!m.held) events = ledger_->expire(options.max_attempts, now);
        if (const auto asked = ledger_->asked(m.text)) {
          answer.attempt = asked->second;
          answer.job = ledger_->job(asked->first, asked->second);
          break;
        }
        const Holder holder{m.held ? 0.0 : options.lease_s, m.text};
        auto started = ledger_->resume(holder, now);
        if (!started && ledger_->machine().trials() < options.trials) started = ledger_->begin(holder, now, m.config);
        if (!started) {
          answer.kind = Answer::Kind::kNothing;
          break;
        }
        answer.attempt = started->attempt;
        answer.job = started->job;
        events.push_back(std::move(started->event));
        const Job job = ledger_->job(answer.job.trial, answer.attempt);
        check(job == answer.job, "attempt ", answer.attempt, " of trial ", job.trial, " is to go from ", job.from_resource,
              " to ", job.to_resource, ", but was told from ", answer.job.from_resource, " to ", answer.job.to_resource);
        break;
      }
      case Call::kExpire:
        events = ledger_->expire(options.max_attempts, now);
        break;
      case Call::kReport: {
        auto reported = ledger_->report(m.trial, m.attempt, m.resource, m.losses, now);
        answer.go_on = reported.go_on;
        leave(std::move(reported.event));
        break;
      }
      case Call::kHeartbeat:
        ledger_->heartbeat(m.trial, m.attempt, now);
        break;
      case Call::kTell:
        leave(ledger_->done(m.trial, m.attempt, now));
        break;
      case Call::kFail:
        leave(ledger_->failed(m.trial, m.attempt, m.text, options.max_attempts, now));
        break;
      case Call::kRelease:
        leave(ledger_->released(m.trial, m.attempt, now));
        break;
      case Call::kNote:
        leave(ledger_->note(m.trial, m.attempt, m.text, now));
        break;
      case Call::kCheckpoint:
        leave(ledger_->checkpoint(m.trial, m.attempt, {m.resource, m.text, m.bytes}, now));
        break;
      case Call::kDrop:
        leave(ledger_->drop_checkpoint(m.trial, now));
        break;
      case Call::kEnqueue:
        leave(ledger_->enqueue(*m.config, now));
        break;
    }
  } catch (const AttemptOver&) {
    answer.kind = Answer::Kind::kOver;
  } catch (const std::invalid_argument&) {
    answer.kind = Answer::Kind::kWrong;
  }
  return answer;
}

inline void Scheduler::check_answer(const Message& m, const Answer& answer, const Answer& expected) const {
  check(answer.kind == expected.kind, to_text(m.call), " of attempt ", m.attempt, " of trial ", m.trial, " is answered \"",
        to_text(answer.kind), "\", but must be \"", to_text(expected.kind), "\"");
  check(answer.go_on == expected.go_on, "attempt ", m.attempt, " of trial ", m.trial, " is told to ",
        answer.go_on ? "go on" : "stop", " at resource ", m.resource, ", but must not be");
  if (m.call != Call::kAsk || answer.kind != Answer::Kind::kOk) return;
  const Job &job = answer.job, &must = expected.job;
  if (job == must && answer.attempt == expected.attempt) return;
  fail("handed out is attempt ", answer.attempt, " of trial ", job.trial, ", ", to_json(job.config), " in bracket ",
       job.bracket, ", from ", job.from_resource, " to ", job.to_resource, " (rung ", job.rung, "), but must be attempt ",
       expected.attempt, " of trial ", must.trial, ", ", to_json(must.config), " in bracket ", must.bracket, ", from ",
       must.from_resource, " to ", must.to_resource, " (rung ", must.rung, ")");
}

// What the ledger counts up, counted anew, and the trials that these events are of.
inline void Scheduler::check_counts(const std::vector<Event>& events) const {
  const std::int64_t trials = model_.trials();
  check(ledger_->machine().trials() == trials, "there are ", ledger_->machine().trials(), " trials, but must be ", trials);
  for (const Event& event : events)
    if (event.kind != EventKind::kEnqueued) check_trial(*ledger_, event.trial);
  std::array<std::int64_t, 6> counts{};
  for (std::int64_t trial = 0; trial < trials; ++trial) {
    const TrialState state = model_.state(model_.at(trial));
    ++counts[static_cast<std::size_t>(state)];
    check(ledger_->state(trial) == state, "trial ", trial, " is ", to_text(ledger_->state(trial)), ", but must be ",
          to_text(state));
    const int attempts = static_cast<int>(model_.at(trial).attempts.size());
    check(ledger_->is_open(trial, attempts) == model_.at(trial).running, "attempt ", attempts, " of trial ", trial, " is ",
          model_.at(trial).running ? "over" : "open", ", but must not be");
  }
  std::size_t states = 0;
  for (const auto& [state, count] : ledger_->states()) {
    ++states;
    check(count == counts[static_cast<std::size_t>(state)], count, " trials are ", to_text(state), ", but must be ",
          counts[static_cast<std::size_t>(state)]);
  }
  check(static_cast<std::ptrdiff_t>(states) ==
            std::count_if(counts.begin(), counts.end(), [](auto count) { return count > 0; }),
        "a state without trials is counted, or one with trials is not");
  check(ledger_->running() == counts[static_cast<std::size_t>(TrialState::kRunning)], ledger_->running(), " are running");
  check(ledger_->best() == model_.best(), "another trial is the best");
  check(ledger_->checkpoint_bytes() == model_.checkpoint_bytes(), "checkpoints take ", ledger_->checkpoint_bytes(),
        " bytes, but must take ", model_.checkpoint_bytes());
  check(ledger_->finished(options.trials) == model_.finished(options.trials), "the study is ",
        ledger_->finished(options.trials) ? "" : "not ", "finished, but must not be so");
}

}  // namespace quorate::simulation
