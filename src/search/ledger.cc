#include "search/ledger.h"

#include <cmath>

#include "core/message.h"

namespace quorate {

Ledger::Record& Ledger::at(std::int64_t trial) {
  require(trial >= 0 && trial < machine_.trials(), "trial is ", trial, ", but must be from 0 to ", machine_.trials() - 1);
  return records_[static_cast<std::size_t>(trial)];
}

const Ledger::Record& Ledger::at(std::int64_t trial) const { return const_cast<Ledger*>(this)->at(trial); }

void Ledger::check_open(std::int64_t trial, int attempt) const {
  const Record& record = at(trial);
  require(record.running && record.attempt == attempt, "attempt ", attempt, " of trial ", trial,
          " is over and can no longer change the study");
}

Ledger::Record& Ledger::open_record(std::int64_t trial, int attempt) {
  check_open(trial, attempt);
  return at(trial);
}

Ledger::Record& Ledger::begin(Job job) {
  const auto number = static_cast<std::size_t>(job.trial);
  if (number == records_.size()) records_.emplace_back();
  Record& record = records_[number];
  record.job = std::move(job);
  record.open = true;
  record.failures = 0;
  record.fulfilled = false;
  count_attempt(record);
  return record;
}

void Ledger::count_attempt(Record& record) {
  ++record.attempt;
  record.last_resource = 0;
  record.running = true;
  ++running_;
}

std::optional<Ledger::Started> Ledger::start(std::int64_t limit) {
  Event event{.kind = EventKind::kStart};
  Record* record = nullptr;
  if (!waiting_.empty()) {
    record = &at(*waiting_.begin());
    waiting_.erase(waiting_.begin());
    count_attempt(*record);
  } else if (auto job = machine_.resume()) {
    record = &begin(std::move(*job));
  } else if (machine_.trials() < limit) {
    record = &begin(machine_.ask());
    event.text = to_json(record->job.config);
  } else {
    return std::nullopt;
  }
  event.trial = record->job.trial;
  event.attempt = record->attempt;
  return Started{record->job, record->attempt, std::move(event)};
}

Ledger::Reported Ledger::report(std::int64_t trial, int attempt, std::int64_t resource, double loss) {
  Record& record = open_record(trial, attempt);
  const std::int64_t to = record.job.to_resource;
  require(resource >= 1 && resource <= to, "resource is ", resource, ", but must be from 1 to ", to,
          ", the job's to_resource");
  require(resource >= record.last_resource, "resource is ", resource, ", but must be at least ", record.last_resource,
          ", the last that this attempt of trial ", trial, " reported");
  if (record.stopped_at && resource > *record.stopped_at) {
    // An attempt that goes on from a checkpoint there has not heard of it yet.
    require(record.last_resource < *record.stopped_at, "resource is ", resource, ", but trial ", trial, " was stopped at ",
            *record.stopped_at);
    record.last_resource = resource;
    return {};
  }

  Reported reported;
  if (record.losses.emplace(resource, loss).second) {
    reported.event = {.kind = EventKind::kReport, .trial = trial, .attempt = attempt, .resource = resource, .loss = loss};
    // A trial that can be promoted is told of when its attempt is done: its checkpoint is yet to come. Resources below one
    // that an earlier attempt reported are history to the machine.
    if (machine_.options().mode == Mode::kStop && record.losses.rbegin()->first == resource &&
        !machine_.report(record.job, resource, loss)) {
      record.fulfilled = true;
      if (resource < to) record.stopped_at = resource;
    }
  }
  record.last_resource = resource;
  if (resource == to) record.fulfilled = true;
  reported.go_on = resource < record.stopped_at.value_or(to);
  return reported;
}

void Ledger::end(Record& record) {
  record.open = record.running = false;
  --running_;
}

Event Ledger::done(std::int64_t trial, int attempt) {
  Record& record = open_record(trial, attempt);
  require(record.fulfilled, "trial ", trial, " is done, but has not reported resource ", record.job.to_resource);
  if (machine_.options().mode == Mode::kPromote) machine_.tell(record.job, record.losses.at(record.job.to_resource));
  end(record);
  return {.kind = EventKind::kDone, .trial = trial, .attempt = attempt};
}

Event Ledger::failed(std::int64_t trial, int attempt, const std::string& why, int max_attempts) {
  Record& record = open_record(trial, attempt);
  const bool retry = record.failures + 1 < max_attempts;
  Event event{.kind = retry ? EventKind::kFailed : EventKind::kGaveUp, .trial = trial, .attempt = attempt, .text = why};
  ++record.failures;
  record.message = why;
  if (retry) {
    interrupted(trial, attempt);
  } else {
    if (machine_.state(trial) == TrialState::kRunning) machine_.fail(record.job);
    end(record);
  }
  return event;
}

Event Ledger::note(std::int64_t trial, int attempt, const std::string& text) {
  open_record(trial, attempt).message = text;
  return {.kind = EventKind::kNote, .trial = trial, .attempt = attempt, .text = text};
}

void Ledger::interrupted(std::int64_t trial, int attempt) {
  open_record(trial, attempt).running = false;
  --running_;
  waiting_.insert(trial);
}

void Ledger::interrupt_all() {
  for (const Record& record : records_)
    if (record.running) interrupted(record.job.trial, record.attempt);
}

void Ledger::apply(const Event& event) {
  switch (event.kind) {
    case EventKind::kStart: {
      Started started;
      if (event.text.empty()) {
        // Which of the open jobs comes first depends on when the process died: it is as stored.
        if (event.trial >= 0 && event.trial < machine_.trials() && at(event.trial).open) {
          if (at(event.trial).running) interrupted(event.trial, at(event.trial).attempt);
          waiting_.erase(event.trial);
          count_attempt(at(event.trial));
        } else {
          auto job = machine_.resume();
          require(job && job->trial == event.trial, "trial ", event.trial, " went on, but cannot have");
          begin(std::move(*job));
        }
      } else {
        machine_.enqueue(
            config_from_json(event.text, machine_.space(), message("the configuration of trial ", event.trial)));
        Job job = machine_.ask();
        require(job.trial == event.trial, "trial ", event.trial, " began, but the next must be ", job.trial);
        begin(std::move(job));
      }
      require(at(event.trial).attempt == event.attempt, "attempt ", event.attempt, " of trial ", event.trial,
              " began, but the next must be ", at(event.trial).attempt);
      return;
    }
    case EventKind::kReport:
      require(report(event.trial, event.attempt, event.resource, event.loss).event.has_value(), "trial ", event.trial,
              " reported resource ", event.resource, " twice");
      return;
    case EventKind::kDone:
      done(event.trial, event.attempt);
      return;
    case EventKind::kFailed:
      failed(event.trial, event.attempt, event.text, at(event.trial).failures + 2);
      return;
    case EventKind::kGaveUp:
      failed(event.trial, event.attempt, event.text, 0);
      return;
    case EventKind::kNote:
      note(event.trial, event.attempt, event.text);
      return;
  }
}

TrialState Ledger::state(std::int64_t trial) const {
  const Record& record = at(trial);
  if (record.running) return TrialState::kRunning;
  return record.open ? TrialState::kWaiting : machine_.state(trial);
}

Trial Ledger::trial(std::int64_t number) const {
  const Record& record = at(number);
  return {number, record.job.config, state(number), record.job.bracket, record.losses, record.attempt, record.message};
}

std::optional<Ledger::Best> Ledger::best() const {
  std::optional<Best> best;
  for (const Record& record : records_) {
    if (state(record.job.trial) == TrialState::kFailed) continue;
    for (auto entry = record.losses.rbegin(); entry != record.losses.rend(); ++entry) {
      const auto [resource, loss] = *entry;
      if (!std::isfinite(loss)) continue;
      if (!best || resource > best->resource || (resource == best->resource && loss < best->loss))
        best = {record.job.trial, resource, loss};
      break;  // a trial's lower resources are no match for its highest
    }
  }
  return best;
}

}  // namespace quorate
