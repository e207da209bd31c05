// What an event means to the model.
#pragma once

#include "search/simulation/model.h"

namespace quorate::simulation {

inline void Model::apply_start(const Event& event) {
  if (!event.text.empty()) {
    check(event.trial == trials(), "trial ", event.trial, " began, but the next is ", trials());
    if (!queue_.empty()) {
      check(queue_.front() == event.text, "trial ", event.trial, " did not take what was enqueued");
      queue_.pop_front();
    }
    TrialRecord t;
    t.config = configs_.at(event.text);
    t.bracket = draws_[event.trial].bracket;
    t.rung = stop_ ? rungs_->top() : t.bracket;
    t.started_s = event.time_s;
    trials_.push_back(std::move(t));
  } else if (!at(event.trial).open) {
    TrialRecord& t = at(event.trial);
    rungs_->promoted(t.bracket, t.rung, event.trial);
    ++t.rung;
    t.open = true;
    t.fulfilled = false;
    t.failures = 0;
    t.rest = TrialState::kRunning;
  }
  TrialRecord& t = at(event.trial);
  // An attempt of a process that died since says nothing of its end.
  if (t.running) end(t, Outcome::kReleased, event.time_s);
  t.attempts.push_back({t.rung, event.lease_s});
  t.running = true;
  t.last_resource = 0;
  t.changed_s = event.time_s;
  if (!event.request.empty()) requests_[event.request] = {event.trial, event.attempt};
}

inline void Model::apply_report(const Event& event) {
  TrialRecord& t = at(event.trial);
  const bool highest = t.losses.empty() || t.losses.rbegin()->first < event.resource;
  std::vector<double> losses = {event.loss};
  losses.insert(losses.end(), event.more.begin(), event.more.end());
  t.losses[event.resource] = {losses, event.attempt};
  t.last_resource = event.resource;
  t.changed_s = event.time_s;
  if (event.resource == rungs_->resource(t.rung)) t.fulfilled = true;
  // In mode kStop a rung decides at once. What lies below a resource that was reported already is history.
  const int rung = rungs_->at_resource(t.bracket, event.resource);
  if (!stop_ || !highest || rung < 0) return;
  rungs_->add(t.bracket, rung, event.trial, losses);
  t.measured = rung;
  if (rung == rungs_->top()) {
    t.rest = TrialState::kCompleted;
  } else if (!rungs_->may_go_on(t.bracket, rung, event.trial)) {
    t.rest = TrialState::kStopped;
    t.stopped_at = event.resource;
    t.fulfilled = true;
  }
}

inline void Model::apply(const Event& event) {
  switch (event.kind) {
    case EventKind::kEnqueued:
      queue_.push_back(event.text);
      return;
    case EventKind::kStart:
      return apply_start(event);
    case EventKind::kReport:
      return apply_report(event);
    default:
      break;
  }
  TrialRecord& t = at(event.trial);
  switch (event.kind) {
    case EventKind::kDone:
      if (!stop_) {
        rungs_->add(t.bracket, t.rung, event.trial, t.losses.at(rungs_->resource(t.rung)).losses);
        t.measured = t.rung;
        t.rest = t.rung == rungs_->top() ? TrialState::kCompleted : TrialState::kPaused;
      }
      t.open = false;
      end(t, Outcome::kDone, event.time_s);
      break;
    case EventKind::kGaveUp:
      t.open = false;
      if (t.rest == TrialState::kRunning) {
        t.rest = TrialState::kFailed;
        if (t.measured >= 0) rungs_->failed(t.bracket, t.measured, event.trial);
      }
      [[fallthrough]];
    case EventKind::kFailed:
      ++t.failures;
      t.message = event.text;
      end(t, Outcome::kFailed, event.time_s);
      break;
    case EventKind::kReleased:
      end(t, Outcome::kReleased, event.time_s);
      break;
    case EventKind::kNote:
      t.message = event.text;
      break;
    case EventKind::kCheckpoint:
      t.checkpoint_bytes = event.bytes;
      t.checkpoint_resource = event.resource;
      break;
    case EventKind::kDropped:
      t.checkpoint_bytes = t.checkpoint_resource = 0;
      break;
    default:
      break;
  }
}

}  // namespace quorate::simulation
