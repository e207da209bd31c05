#include "search/study_state.h"

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {

void StudyState::check_usable() const {
  if (!broken.empty()) throw FileError(folder, "the study could not be written and must be opened again: " + broken);
}

void StudyState::record(const Event& event) {
  try {
    log.append(event);
  } catch (const FileError& error) {
    broken = error.what();
    stopping = true;
    changed.notify_all();
    throw;
  }
  ++changes;
}

std::optional<TrialJob> StudyState::start(std::int64_t limit) {
  auto attempt = std::make_shared<TrialAttempt>();
  {
    std::unique_lock guard(mutex);
    std::optional<Ledger::Started> started;
    for (;;) {
      if (stopping) return std::nullopt;
      check_usable();
      if ((started = ledger.start(limit))) break;
      if (ledger.running() == 0) return std::nullopt;
      changed.wait(guard);
    }
    record(started->event);
    attempt->study = weak_from_this();
    attempt->job = std::move(started->job);
    attempt->number = started->attempt;
    attempt->seed = ledger.machine().trial_seed(attempt->job.trial);
  }
  try {
    // Hashing takes a while; nobody else touches the trial meanwhile.
    attempt->checkpoint = find_checkpoint(attempt->job.trial);
  } catch (const FileError&) {
    interrupt(*attempt);
    throw;
  }
  attempt->resource = attempt->checkpoint.resource;
  if (!attempt->checkpoint.problem.empty()) {
    const std::lock_guard guard(mutex);
    record(ledger.note(attempt->job.trial, attempt->number, attempt->checkpoint.problem));
  }
  return TrialJob(std::move(attempt));
}

bool StudyState::report(TrialAttempt& attempt, std::int64_t resource, double loss) {
  const std::lock_guard guard(mutex);
  check_current_locked(attempt);
  const Ledger::Reported reported = ledger.report(attempt.job.trial, attempt.number, resource, loss);
  if (reported.event) record(*reported.event);
  attempt.resource = resource;
  return reported.go_on;
}

void StudyState::check_current(const TrialAttempt& attempt) {
  const std::lock_guard guard(mutex);
  check_current_locked(attempt);
}

void StudyState::check_current_locked(const TrialAttempt& attempt) const {
  ledger.check_open(attempt.job.trial, attempt.number);
  if (stopping) throw StudyStopped();
  check_usable();
}

void StudyState::fail_locked(const TrialAttempt& attempt, const std::string& why) {
  record(ledger.failed(attempt.job.trial, attempt.number, why, max_attempts));
  changed.notify_all();
}

void StudyState::finish(const TrialAttempt& attempt) {
  const std::lock_guard guard(mutex);
  check_usable();
  if (ledger.fulfilled(attempt.job.trial)) {
    record(ledger.done(attempt.job.trial, attempt.number));
    changed.notify_all();
  } else if (stopping) {
    // It may have caught StudyStopped and returned: not its fault.
    ledger.interrupted(attempt.job.trial, attempt.number);
  } else {
    fail_locked(attempt, message("the training function returned at resource ", attempt.resource.load(),
                                 ", but must report up to to_resource, ", attempt.job.to_resource));
  }
}

void StudyState::fail(const TrialAttempt& attempt, const std::string& why) {
  const std::lock_guard guard(mutex);
  check_usable();
  fail_locked(attempt, why);
}

void StudyState::interrupt(const TrialAttempt& attempt) {
  const std::lock_guard guard(mutex);
  ledger.interrupted(attempt.job.trial, attempt.number);
}

Progress StudyState::progress() const {
  Progress result;
  const AsyncHyperband& machine = ledger.machine();
  result.trials = machine.trials();
  for (std::int64_t number = 0; number < result.trials; ++number) ++result.states[ledger.state(number)];
  for (int rung = 0; rung < machine.brackets(); ++rung) {
    result.rungs.push_back({machine.rungs()[static_cast<std::size_t>(rung)], 0});
    for (int bracket = 0; bracket <= rung; ++bracket) result.rungs.back().losses += machine.rung_size(bracket, rung);
  }
  if (const auto best = ledger.best()) {
    result.best_trial = best->trial;
    result.best_resource = best->resource;
    result.best_loss = best->loss;
  }
  return result;
}

}  // namespace quorate
