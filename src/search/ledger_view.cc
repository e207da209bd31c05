// What a ledger knows, as others see it, and the counts that keep the questions cheap.
#include <cmath>
#include <limits>

#include "core/message.h"
#include "search/ledger.h"

namespace quorate {

Job Ledger::job(std::int64_t trial, int attempt) const {
  const Record& record = at(trial);
  Job job = record.job;
  job.to_resource = to_resource(record, attempt);
  job.rung = record.attempts[static_cast<std::size_t>(attempt) - 1].rung;
  const bool resumed = machine_.options().mode != Mode::kStop && job.rung > job.bracket;
  job.from_resource = resumed ? machine_.rungs()[static_cast<std::size_t>(job.rung) - 1] : 0;
  return job;
}

TrialState Ledger::state(std::int64_t trial) const {
  const Record& record = at(trial);
  if (record.running) return TrialState::kRunning;
  return record.open ? TrialState::kWaiting : machine_.state(trial);
}

bool Ledger::finished(std::int64_t trials) const {
  return running_ == 0 && waiting_.empty() && machine_.trials() >= trials && !machine_.can_resume();
}

Trial Ledger::trial(std::int64_t number) const {
  const Record& record = at(number);
  Trial trial{number, record.job.config, state(number),    record.job.bracket, {}, {},
              0,      record.message,    record.started_s, record.changed_s};
  trial.attempts = static_cast<int>(record.attempts.size());
  for (const Loss& loss : record.losses) {
    trial.losses.emplace_hint(trial.losses.end(), loss.resource, loss.loss);
    if (machine_.options().objectives > 1) trial.values[loss.resource] = all_losses(loss.loss, loss.more);
  }
  return trial;
}

double Ledger::loss(std::int64_t trial, std::int64_t resource) const {
  if (trial < 0 || trial >= machine_.trials()) return std::numeric_limits<double>::quiet_NaN();
  const Loss* found = loss_at(at(trial), resource);
  return found == nullptr ? std::numeric_limits<double>::quiet_NaN() : found->loss;
}

std::vector<StoredCheckpoint> Ledger::checkpoints() const {
  std::vector<StoredCheckpoint> result;
  for (const Record& record : records_)
    if (record.checkpoint) result.push_back({record.job.trial, record.checkpoint->resource, record.checkpoint->bytes});
  return result;
}

// Brings states_ and best_ up to date with the record.
void Ledger::count(Record& record) {
  const std::int64_t trial = record.job.trial;
  const TrialState now = state(trial);
  if (record.counted != now) {
    if (record.counted) --states_[static_cast<std::size_t>(*record.counted)];
    ++states_[static_cast<std::size_t>(now)];
    record.counted = now;
  }
  std::optional<Best> candidate;
  for (auto loss = record.losses.rbegin(); now != TrialState::kFailed && loss != record.losses.rend(); ++loss)
    if (std::isfinite(loss->loss)) {
      candidate = {trial, loss->resource, loss->loss};
      break;  // a trial's lower resources are no match for its highest
    }
  if (candidate == record.candidate) return;
  if (record.candidate) best_.erase({-record.candidate->resource, record.candidate->loss, trial});
  if (candidate) best_.insert({-candidate->resource, candidate->loss, trial});
  record.candidate = candidate;
}

std::map<TrialState, std::int64_t> Ledger::states() const {
  std::map<TrialState, std::int64_t> result;
  for (std::size_t state = 0; state < states_.size(); ++state)
    if (states_[state] > 0) result[static_cast<TrialState>(state)] = states_[state];
  return result;
}

std::optional<Ledger::Best> Ledger::best() const {
  if (best_.empty()) return std::nullopt;
  const auto& [resource, loss, trial] = *best_.begin();
  return Best{trial, -resource, loss};
}

}  // namespace quorate
