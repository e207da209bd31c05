// What was stored becomes the ledger that stored it.
#include "core/message.h"
#include "search/ledger.h"

namespace quorate {

void Ledger::replay_start(const Event& event) {
  const Holder holder{event.lease_s, event.request};
  const Now now{0.0, event.time_s};
  Record* record = nullptr;
  if (!event.text.empty()) {
    const bool queued = machine_.queued() > 0;
    if (!queued) machine_.enqueue(config_from_json(event.text, machine_.space()));
    Job job = machine_.begin();
    require(job.trial == event.trial, "trial ", event.trial, " began, but the next must be ", job.trial);
    if (queued)  // what it was given above needs no comparison
      require(to_json(job.config) == event.text, "trial ", event.trial, " began with ", event.text,
              ", but must have what was enqueued, ", to_json(job.config));
    record = &begin_job(std::move(job));
  } else if (event.trial >= 0 && event.trial < machine_.trials() && at(event.trial).open) {
    // Which of the open jobs comes first depends on when the process died: it is as stored.
    record = &at(event.trial);
    if (record->running) {
      require(record->lease_s == 0.0, "attempt ", record->attempts.size(), " of trial ", event.trial, " is still held");
      end_attempt(*record, Outcome::kReleased, now);
    }
  } else {
    auto job = machine_.resume();
    require(job && job->trial == event.trial, "trial ", event.trial, " went on, but cannot have");
    record = &begin_job(std::move(*job));
  }
  const Event again = count_attempt(*record, holder, now);
  require(again.attempt == event.attempt, "attempt ", event.attempt, " of trial ", event.trial,
          " began, but the next must be ", again.attempt);
}

void Ledger::apply(const Event& event) {
  const Now now{0.0, event.time_s};
  switch (event.kind) {
    case EventKind::kStart:
      return replay_start(event);
    case EventKind::kReport: {
      const std::vector<double> losses = all_losses(event.loss, event.more);
      require(report(event.trial, event.attempt, event.resource, losses, now).event.has_value(), "trial ", event.trial,
              " reported resource ", event.resource, " twice");
      return;
    }
    case EventKind::kDone:
      require(done(event.trial, event.attempt, now).has_value(), "trial ", event.trial, " was done twice");
      return;
    case EventKind::kFailed:
    case EventKind::kGaveUp: {
      const int allowed = event.kind == EventKind::kFailed ? at(event.trial).failures + 2 : 0;
      require(failed(event.trial, event.attempt, event.text, allowed, now).has_value(), "attempt ", event.attempt,
              " of trial ", event.trial, " failed twice");
      return;
    }
    case EventKind::kReleased:
      require(released(event.trial, event.attempt, now).has_value(), "attempt ", event.attempt, " of trial ", event.trial,
              " was released twice");
      return;
    case EventKind::kNote:
      note(event.trial, event.attempt, event.text, now);
      return;
    case EventKind::kEnqueued:
      enqueue(config_from_json(event.text, machine_.space(), "an enqueued configuration"), now);
      return;
    case EventKind::kCheckpoint:
      replace_checkpoint(at(event.trial), {event.resource, event.text, event.bytes});
      return;
    case EventKind::kDropped:
      require(drop_checkpoint(event.trial, now).has_value(), "the checkpoint of trial ", event.trial, " was dropped twice");
      return;
  }
}

void Ledger::reopen(const Now& now) {
  for (Record& record : records_) {
    if (!record.running) continue;
    if (record.lease_s > 0.0)
      record.deadline_s = now.steady_s + record.lease_s;
    else
      end_attempt(record, Outcome::kReleased, {now.steady_s, record.changed_s});
  }
}

}  // namespace quorate
