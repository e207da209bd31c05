// The model's answers, and the events that it expects.
#pragma once

#include "search/simulation/model.h"

namespace quorate::simulation {

inline void Model::give_up_or_retry(Expected& expected, const Message& m, const std::string& why, const Options& options,
                                    const Now& now) {
  const bool again = at(m.trial).failures + 1 < options.max_attempts;
  Event event = about(again ? EventKind::kFailed : EventKind::kGaveUp, m, now);
  event.text = why;
  leave(expected, std::move(event));
}

inline void Model::expire(Expected& expected, const Options& options, const Now& now) {
  for (std::int64_t trial = 0; trial < trials(); ++trial) {
    const TrialRecord& t = at(trial);
    if (!t.running || t.attempts.back().lease_s == 0.0 || now.steady_s < t.deadline_s) continue;
    const std::string why =
        message("the lease of ", t.attempts.back().lease_s, " s ran out without a report or a heartbeat");
    give_up_or_retry(expected, {.trial = trial, .attempt = static_cast<int>(t.attempts.size())}, why, options, now);
  }
}

inline void Model::ask(Expected& expected, const Message& m, const Options& options, const Now& now) {
  if (!m.held) expire(expected, options, now);
  const auto known = m.text.empty() ? requests_.end() : requests_.find(m.text);
  if (known != requests_.end()) {
    expected.answer.attempt = known->second.second;
    expected.answer.job = job(known->second.first, known->second.second);
    return;
  }
  Event event{.kind = EventKind::kStart, .request = m.text, .lease_s = m.held ? 0.0 : options.lease_s, .time_s = now.time_s};
  const auto waiting =
      std::find_if(trials_.begin(), trials_.end(), [](const TrialRecord& t) { return t.open && !t.running; });
  if (waiting != trials_.end()) {
    event.trial = waiting - trials_.begin();
  } else if (const auto promotion = rungs_->next()) {
    event.trial = promotion->trial;
  } else if (trials() < options.trials) {
    event.trial = trials();
    event.attempt = 1;
    if (!queue_.empty()) {
      event.text = queue_.front();
    } else {
      const Config& config = m.config ? *m.config : draws_[event.trial].config;
      event.text = to_json(config);
      configs_.emplace(event.text, config);
    }
  } else {
    expected.answer.kind = Answer::Kind::kNothing;
    return;
  }
  if (event.attempt == 0) event.attempt = static_cast<int>(at(event.trial).attempts.size()) + 1;
  const std::int64_t trial = event.trial;
  const int attempt = event.attempt;
  leave(expected, std::move(event));
  at(trial).deadline_s = now.steady_s + options.lease_s;
  expected.answer.attempt = attempt;
  expected.answer.job = job(trial, attempt);
}

inline void Model::report(Expected& expected, const Message& m, const Now& now) {
  Answer& answer = expected.answer;
  TrialRecord& t = at(m.trial);
  if (m.attempt < 1 || m.attempt > static_cast<int>(t.attempts.size()) ||
      m.losses.size() != static_cast<std::size_t>(options_.objectives)) {
    answer.kind = Answer::Kind::kWrong;
    return;
  }
  const std::int64_t to = rungs_->resource(t.attempts[static_cast<std::size_t>(m.attempt) - 1].rung);
  if (m.resource < 1 || m.resource > to) {
    answer.kind = Answer::Kind::kWrong;
    return;
  }
  const auto known = t.losses.find(m.resource);
  const bool stands = known != t.losses.end() && known->second.attempt <= m.attempt;
  const bool open = is_open(m.trial, m.attempt);
  if (!stands && !open) {
    answer.kind = Answer::Kind::kOver;
    return;
  }
  if (open) t.deadline_s = now.steady_s + t.attempts.back().lease_s;
  if (!stands) {
    const bool after_the_stop = t.stopped_at && m.resource > *t.stopped_at;
    if (m.resource < t.last_resource ||
        (after_the_stop && t.last_resource >= *t.stopped_at && m.resource != t.last_resource)) {
      answer.kind = Answer::Kind::kWrong;
      return;
    }
    if (!after_the_stop) {
      Event event = about(EventKind::kReport, m, now);
      event.resource = m.resource;
      event.loss = m.losses[0];
      event.more.assign(m.losses.begin() + 1, m.losses.end());
      leave(expected, std::move(event));
    }
  }
  if (open) t.last_resource = std::max(t.last_resource, m.resource);
  answer.go_on = m.resource < to && (!t.stopped_at || m.resource < *t.stopped_at);
}

inline Model::Expected Model::handle(const Message& m, const Options& options, const Now& now) {
  Expected expected;
  const auto refuse = [&expected](Answer::Kind kind) {
    expected.answer.kind = kind;
    return expected;
  };
  if (m.call == Call::kAsk) {
    ask(expected, m, options, now);
    return expected;
  }
  if (m.call == Call::kExpire) {
    expire(expected, options, now);
    return expected;
  }
  if (m.call == Call::kEnqueue) {
    Event event{.kind = EventKind::kEnqueued, .text = to_json(*m.config), .time_s = now.time_s};
    configs_.emplace(event.text, *m.config);
    leave(expected, std::move(event));
    return expected;
  }
  if (m.trial < 0 || m.trial >= trials()) return refuse(Answer::Kind::kWrong);
  if (m.call == Call::kReport) {
    report(expected, m, now);
    return expected;
  }
  TrialRecord& t = at(m.trial);
  if (m.call == Call::kDrop) {
    if (t.checkpoint_bytes > 0) leave(expected, {.kind = EventKind::kDropped, .trial = m.trial, .time_s = now.time_s});
    return expected;
  }
  const auto ended = [&](Outcome outcome) {
    return m.attempt >= 1 && m.attempt <= static_cast<int>(t.attempts.size()) &&
           t.attempts[static_cast<std::size_t>(m.attempt) - 1].outcome == outcome;
  };
  if ((m.call == Call::kTell && ended(Outcome::kDone)) || (m.call == Call::kFail && ended(Outcome::kFailed)) ||
      (m.call == Call::kRelease && ended(Outcome::kReleased)))
    return expected;
  if (!is_open(m.trial, m.attempt)) return refuse(Answer::Kind::kOver);
  switch (m.call) {
    case Call::kTell:
      if (!t.fulfilled) return refuse(Answer::Kind::kWrong);
      leave(expected, about(EventKind::kDone, m, now));
      break;
    case Call::kFail:
      give_up_or_retry(expected, m, m.text, options, now);
      break;
    case Call::kRelease:
      leave(expected, about(EventKind::kReleased, m, now));
      break;
    case Call::kNote:
      if (t.message != m.text) {
        Event event = about(EventKind::kNote, m, now);
        event.text = m.text;
        leave(expected, std::move(event));
      }
      break;
    case Call::kCheckpoint: {
      Event event = about(EventKind::kCheckpoint, m, now);
      event.resource = m.resource;
      event.text = m.text;
      event.bytes = m.bytes;
      leave(expected, std::move(event));
      break;
    }
    default:
      t.deadline_s = now.steady_s + t.attempts.back().lease_s;
  }
  return expected;
}

}  // namespace quorate::simulation
