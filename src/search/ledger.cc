#include "search/ledger.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"

namespace quorate {

Ledger::Record& Ledger::at(std::int64_t trial) {
  require(trial >= 0 && trial < machine_.trials(), "trial is ", trial, ", but must be from 0 to ", machine_.trials() - 1);
  return records_[static_cast<std::size_t>(trial)];
}

const Ledger::Record& Ledger::at(std::int64_t trial) const { return const_cast<Ledger*>(this)->at(trial); }

bool Ledger::is_open(std::int64_t trial, int attempt) const {
  const Record& record = at(trial);
  return record.running && attempt == static_cast<int>(record.attempts.size());
}

void Ledger::check_open(std::int64_t trial, int attempt) const {
  if (!is_open(trial, attempt))
    throw AttemptOver(message("attempt ", attempt, " of trial ", trial, " is over and can no longer change the study"));
}

Ledger::Record& Ledger::open_record(std::int64_t trial, int attempt) {
  check_open(trial, attempt);
  return at(trial);
}

// Whether the attempt has ended in this very way already.
bool Ledger::repeated(std::int64_t trial, int attempt, Outcome outcome) const {
  const Record& record = at(trial);
  return attempt >= 1 && attempt <= static_cast<int>(record.attempts.size()) &&
         record.attempts[static_cast<std::size_t>(attempt) - 1].outcome == outcome;
}

Ledger::Record& Ledger::begin_job(Job job) {
  const auto number = static_cast<std::size_t>(job.trial);
  if (number == records_.size()) records_.emplace_back();
  Record& record = records_[number];
  record.job = std::move(job);
  record.open = true;
  record.failures = 0;
  record.fulfilled = false;
  return record;
}

Event Ledger::count_attempt(Record& record, const Holder& holder, const Now& now) {
  record.attempts.push_back({Outcome::kOpen, record.job.rung});
  record.last_resource = 0;
  record.running = true;
  record.lease_s = holder.lease_s;
  record.deadline_s = now.steady_s + holder.lease_s;
  if (record.started_s == 0.0) record.started_s = now.time_s;
  record.changed_s = now.time_s;
  ++running_;
  waiting_.erase(record.job.trial);
  if (holder.lease_s > 0.0) leased_.insert(record.job.trial);
  const auto attempt = static_cast<int>(record.attempts.size());
  if (!holder.request.empty()) requests_[holder.request] = {record.job.trial, attempt};
  count(record);
  return {.kind = EventKind::kStart,
          .trial = record.job.trial,
          .attempt = attempt,
          .request = holder.request,
          .lease_s = holder.lease_s,
          .time_s = now.time_s};
}

void Ledger::end_attempt(Record& record, Outcome outcome, const Now& now) {
  record.attempts.back().outcome = outcome;
  record.running = false;
  record.changed_s = now.time_s;
  --running_;
  leased_.erase(record.job.trial);
  if (record.open) waiting_.insert(record.job.trial);
  count(record);
}

std::optional<Ledger::Started> Ledger::resume(const Holder& holder, const Now& now) {
  Record* record = nullptr;
  if (!waiting_.empty())
    record = &at(*waiting_.begin());
  else if (auto job = machine_.resume())
    record = &begin_job(std::move(*job));
  else
    return std::nullopt;
  Event event = count_attempt(*record, holder, now);
  return Started{record->job, event.attempt, std::move(event)};
}

Ledger::Started Ledger::begin(const Holder& holder, const Now& now, std::optional<Config> proposal) {
  if (proposal && machine_.queued() == 0) machine_.enqueue(std::move(*proposal));
  Record& record = begin_job(machine_.begin());
  Event event = count_attempt(record, holder, now);
  event.text = to_json(record.job.config);
  return {record.job, event.attempt, std::move(event)};
}

std::optional<std::pair<std::int64_t, int>> Ledger::asked(const std::string& request) const {
  const auto found = requests_.find(request);
  return found == requests_.end() ? std::nullopt : std::optional(found->second);
}

const Ledger::Loss* Ledger::loss_at(const Record& record, std::int64_t resource) const {
  const auto found = std::lower_bound(record.losses.begin(), record.losses.end(), resource,
                                      [](const Loss& loss, std::int64_t wanted) { return loss.resource < wanted; });
  return found != record.losses.end() && found->resource == resource ? &*found : nullptr;
}

std::int64_t Ledger::to_resource(const Record& record, int attempt) const {
  require(attempt >= 1 && attempt <= static_cast<int>(record.attempts.size()), "attempt is ", attempt,
          ", but must be from 1 to ", record.attempts.size(), ", as often as trial ", record.job.trial, " was handed out");
  return machine_.rungs()[static_cast<std::size_t>(record.attempts[static_cast<std::size_t>(attempt) - 1].rung)];
}

Ledger::Reported Ledger::report(std::int64_t trial, int attempt, std::int64_t resource, std::span<const double> losses,
                                const Now& now) {
  const auto objectives = static_cast<std::size_t>(machine_.options().objectives);
  require(losses.size() == objectives, "losses has ", losses.size(), " values, but must have ", objectives,
          ", one for each objective");
  Record& record = at(trial);
  const std::int64_t to = to_resource(record, attempt);
  require(resource >= 1 && resource <= to, "resource is ", resource, ", but must be from 1 to ", to,
          ", the job's to_resource");
  const Loss* known = loss_at(record, resource);
  const bool repeated = known != nullptr && known->attempt <= attempt;
  if (!repeated || is_open(trial, attempt)) {
    heartbeat(trial, attempt, now);
    if (resource == to) record.fulfilled = true;
  }
  Reported reported;
  if (!repeated) {
    require(resource >= record.last_resource, "resource is ", resource, ", but must be at least ", record.last_resource,
            ", the last that this attempt of trial ", trial, " reported");
    if (record.stopped_at && resource > *record.stopped_at) {
      // An attempt that goes on from a checkpoint there has not heard of it yet.
      require(record.last_resource < *record.stopped_at || resource == record.last_resource, "resource is ", resource,
              ", but trial ", trial, " was stopped at ", *record.stopped_at);
      record.last_resource = resource;
      return {};
    }
    Loss loss{resource, losses[0], attempt, {losses.begin() + 1, losses.end()}};
    reported.event = {.kind = EventKind::kReport,
                      .trial = trial,
                      .attempt = attempt,
                      .resource = resource,
                      .loss = loss.loss,
                      .more = loss.more,
                      .time_s = now.time_s};
    const auto place = std::upper_bound(record.losses.begin(), record.losses.end(), resource,
                                        [](std::int64_t wanted, const Loss& other) { return wanted < other.resource; });
    const bool highest = place == record.losses.end();
    record.losses.insert(place, std::move(loss));
    // A trial that can be promoted is told of when its attempt is done: its checkpoint is yet to come. Resources below one
    // that an earlier attempt reported are history to the machine.
    if (highest && machine_.options().mode == Mode::kStop && !machine_.report(record.job, resource, losses)) {
      record.fulfilled = true;
      if (resource < to) record.stopped_at = resource;
    }
    record.changed_s = now.time_s;
    count(record);
  }
  if (is_open(trial, attempt)) record.last_resource = std::max(record.last_resource, resource);
  reported.go_on = resource < std::min(to, record.stopped_at.value_or(to));
  return reported;
}

void Ledger::heartbeat(std::int64_t trial, int attempt, const Now& now) {
  Record& record = open_record(trial, attempt);
  record.deadline_s = now.steady_s + record.lease_s;
}

std::optional<Event> Ledger::done(std::int64_t trial, int attempt, const Now& now) {
  if (repeated(trial, attempt, Outcome::kDone)) return std::nullopt;
  Record& record = open_record(trial, attempt);
  require(record.fulfilled, "trial ", trial, " is done, but has not reported resource ", record.job.to_resource);
  if (machine_.options().mode != Mode::kStop) {
    const Loss& loss = *loss_at(record, record.job.to_resource);
    machine_.tell(record.job, all_losses(loss.loss, loss.more));
  }
  record.open = false;
  end_attempt(record, Outcome::kDone, now);
  return Event{.kind = EventKind::kDone, .trial = trial, .attempt = attempt, .time_s = now.time_s};
}

std::optional<Event> Ledger::failed(std::int64_t trial, int attempt, const std::string& why, int max_attempts,
                                    const Now& now) {
  if (repeated(trial, attempt, Outcome::kFailed)) return std::nullopt;
  Record& record = open_record(trial, attempt);
  const bool retry = ++record.failures < max_attempts;
  record.message = why;
  if (!retry) {
    if (machine_.state(trial) == TrialState::kRunning) machine_.fail(record.job);
    record.open = false;
  }
  end_attempt(record, Outcome::kFailed, now);
  const EventKind kind = retry ? EventKind::kFailed : EventKind::kGaveUp;
  return Event{.kind = kind, .trial = trial, .attempt = attempt, .text = why, .time_s = now.time_s};
}

std::optional<Event> Ledger::released(std::int64_t trial, int attempt, const Now& now) {
  if (repeated(trial, attempt, Outcome::kReleased)) return std::nullopt;
  end_attempt(open_record(trial, attempt), Outcome::kReleased, now);
  return Event{.kind = EventKind::kReleased, .trial = trial, .attempt = attempt, .time_s = now.time_s};
}

std::optional<Event> Ledger::note(std::int64_t trial, int attempt, const std::string& text, const Now& now) {
  Record& record = open_record(trial, attempt);
  if (record.message == text) return std::nullopt;
  record.message = text;
  return Event{.kind = EventKind::kNote, .trial = trial, .attempt = attempt, .text = text, .time_s = now.time_s};
}

Event Ledger::enqueue(const Config& config, const Now& now) {
  machine_.enqueue(config);
  return {.kind = EventKind::kEnqueued, .text = to_json(config), .time_s = now.time_s};
}

std::vector<Event> Ledger::expire(int max_attempts, const Now& now) {
  std::vector<Event> events;
  const std::set<std::int64_t> leased = leased_;
  for (const std::int64_t trial : leased) {
    const Record& record = at(trial);
    if (record.deadline_s > now.steady_s) continue;
    const std::string why = message("the lease of ", record.lease_s, " s ran out without a report or a heartbeat");
    events.push_back(*failed(trial, static_cast<int>(record.attempts.size()), why, max_attempts, now));
  }
  return events;
}

void Ledger::replace_checkpoint(Record& record, const CheckpointRecord& checkpoint) {
  checkpoint_bytes_ += checkpoint.bytes - (record.checkpoint ? record.checkpoint->bytes : 0);
  record.checkpoint = checkpoint;
}

Event Ledger::checkpoint(std::int64_t trial, int attempt, const CheckpointRecord& record, const Now& now) {
  replace_checkpoint(open_record(trial, attempt), record);
  return {.kind = EventKind::kCheckpoint,
          .trial = trial,
          .attempt = attempt,
          .resource = record.resource,
          .text = record.sha256,
          .bytes = record.bytes,
          .time_s = now.time_s};
}

std::optional<Event> Ledger::drop_checkpoint(std::int64_t trial, const Now& now) {
  Record& record = at(trial);
  if (!record.checkpoint) return std::nullopt;
  checkpoint_bytes_ -= record.checkpoint->bytes;
  record.checkpoint.reset();
  return Event{.kind = EventKind::kDropped, .trial = trial, .time_s = now.time_s};
}

}  // namespace quorate
