#include "search/study_state.h"

#include <charconv>
#include <chrono>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

const char* const kDatabase = "study.db";

// "12:3": attempt 3 of trial 12.
std::string token_of(std::int64_t trial, int attempt) { return message(trial, ":", attempt); }

std::pair<std::int64_t, int> parse_token(std::string_view token) {
  std::int64_t trial = 0;
  int attempt = 0;
  const char* end = token.data() + token.size();
  const auto first = std::from_chars(token.data(), end, trial);
  const bool colon = first.ec == std::errc() && first.ptr != end && *first.ptr == ':';
  const auto second = colon ? std::from_chars(first.ptr + 1, end, attempt) : first;
  require(colon && second.ec == std::errc() && second.ptr == end, "token is \"", token,
          "\", but must be one that a job has, such as \"12:3\"");
  return {trial, attempt};
}

}  // namespace

Now now() {
  const auto seconds = [](auto time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); };
  return {seconds(std::chrono::steady_clock::now()), seconds(std::chrono::system_clock::now())};
}

StudyState::StudyState(const std::filesystem::path& study_folder, std::unique_ptr<FileLock> held_lock,
                       const StudyOptions& chosen)
    : folder(study_folder),
      lock(std::move(held_lock)),
      log(folder / kDatabase, chosen.durability),
      options(chosen),
      ledger(log.definition().space, log.definition().hyperband),
      library(folder / "library"),
      retention(library, {chosen.keep == Keep::kLast, chosen.library_bytes}) {
  options.hyperband = ledger.machine().options();
  options.objectives = log.definition().objectives;
  log.replay([this](const Event& event) { ledger.apply(event); });
  ledger.reopen(now());
  log.trust();
}

void StudyState::check_usable() const {
  if (!broken.empty()) throw FileError(folder, "the study could not be written and must be opened again: " + broken);
}

void StudyState::fail_on_file(const TrialAttempt& attempt, const FileError& error) {
  const bool ours = std::string_view(error.what()).starts_with(folder.string());
  if (attempt.leased || !ours) throw error;
  const Guard guard(mutex);
  if (!run_error) run_error = std::make_exception_ptr(error);
  stopping = true;
  changed.notify_all();
  throw StudyStopped();
}

void StudyState::record(Guard& guard, std::vector<Event> events) {
  check_usable();
  queued += events.size();
  changes += events.size();
  std::move(events.begin(), events.end(), std::back_inserter(unwritten));
  const std::uint64_t mine = queued;
  while (written < mine) {
    check_usable();
    if (writing) {
      committed.wait(guard);
      continue;
    }
    writing = true;
    const std::vector<Event> batch = std::exchange(unwritten, {});
    guard.unlock();
    std::string why;
    try {
      log.append(batch);
    } catch (const FileError& error) {
      why = error.what();
    }
    guard.lock();
    writing = false;
    written += batch.size();
    if (!why.empty()) {
      broken = why;
      stopping = true;
      changed.notify_all();
    }
    committed.notify_all();
  }
  check_usable();
}

void StudyState::record(Guard& guard, std::optional<Event> event) {
  record(guard, event ? std::vector<Event>{*std::move(event)} : std::vector<Event>{});
}

void StudyState::expire(Guard& guard) {
  std::vector<Event> events = ledger.expire(options.max_attempts, now());
  if (events.empty()) return;
  record(guard, std::move(events));
  changed.notify_all();
}

// The next thing to do, where there is one now.
std::optional<Ledger::Started> StudyState::next(Guard& guard, const RunOptions& run) {
  if (auto started = ledger.resume({}, now())) return started;
  if (ledger.machine().trials() >= run.trials || proposing) return std::nullopt;
  if (!run.propose || ledger.machine().queued() > 0) return ledger.begin({}, now());
  // It may take long, and may look at the study.
  proposing = true;
  const std::int64_t trial = ledger.machine().trials();
  guard.unlock();
  std::optional<Config> proposal;
  try {
    proposal = run.propose(trial);
    ledger.machine().space().check(*proposal);
  } catch (...) {
    guard.lock();
    proposing = false;
    changed.notify_all();
    throw;
  }
  guard.lock();
  proposing = false;
  changed.notify_all();
  return ledger.begin({}, now(), std::move(proposal));
}

std::optional<TrialJob> StudyState::start(const RunOptions& run, int worker) {
  Guard guard(mutex);
  std::optional<Ledger::Started> started;
  for (;;) {
    if (stopping) return std::nullopt;
    check_usable();
    if ((started = next(guard, run))) break;
    if (ledger.running() == 0 && !proposing) return std::nullopt;
    changed.wait(guard);
  }
  auto attempt = attempt_of(started->job, started->attempt);
  if (!run.devices.empty()) {
    const auto devices = static_cast<int>(run.devices.size());
    attempt->device = run.devices[static_cast<std::size_t>(worker % devices)];
    attempt->device_share = 1.0 / (1 + (run.workers - 1 - worker % devices) / devices);
  }
  return handed_out(guard, *std::move(started), std::move(attempt));
}

std::optional<TrialJob> StudyState::ask(const AskOptions& ask) {
  require(ask.trials >= 0, "trials is ", ask.trials, ", but must be at least 0");
  Guard guard(mutex);
  check_usable();
  expire(guard);
  if (const auto asked = ledger.asked(ask.request)) {
    record(guard, std::nullopt);
    guard.unlock();
    return this->attempt(token_of(asked->first, asked->second));
  }
  const Holder holder{options.lease_s, ask.request};
  std::optional<Ledger::Started> started = ledger.resume(holder, now());
  if (!started && (ledger.machine().trials() >= ask.trials || proposing)) return std::nullopt;
  if (!started) started = ledger.begin(holder, now());
  auto attempt = attempt_of(started->job, started->attempt);
  attempt->leased = true;
  return handed_out(guard, *std::move(started), std::move(attempt));
}

std::shared_ptr<TrialAttempt> StudyState::attempt_of(const Job& job, int number) {
  auto attempt = std::make_shared<TrialAttempt>();
  attempt->study = weak_from_this();
  attempt->job = job;
  attempt->number = number;
  attempt->seed = ledger.machine().trial_seed(job.trial);
  attempt->token = token_of(job.trial, number);
  return attempt;
}

TrialJob StudyState::handed_out(Guard& guard, Ledger::Started started, std::shared_ptr<TrialAttempt> attempt) {
  record(guard, std::move(started.event));
  guard.unlock();
  try {
    // Hashing takes a while; nobody else touches the trial meanwhile.
    attempt->checkpoint = find_checkpoint(attempt->job.trial);
  } catch (const FileError&) {
    release(*attempt);
    throw;
  }
  attempt->resource = attempt->checkpoint.resource;
  if (!attempt->checkpoint.problem.empty()) {
    guard.lock();
    record(guard, ledger.note(attempt->job.trial, attempt->number, attempt->checkpoint.problem, now()));
  }
  return TrialJob(std::move(attempt));
}

TrialJob StudyState::attempt(std::string_view token) {
  const auto [trial, number] = parse_token(token);
  std::shared_ptr<TrialAttempt> attempt;
  {
    const Guard guard(mutex);
    attempt = attempt_of(ledger.job(trial, number), number);
    attempt->leased = true;
    if (!ledger.is_open(trial, number)) return TrialJob(std::move(attempt));
    attempt->resource = ledger.last_resource(trial);
  }
  attempt->checkpoint = find_checkpoint(trial);
  attempt->resource = std::max(attempt->resource.load(), attempt->checkpoint.resource);
  return TrialJob(std::move(attempt));
}

bool StudyState::report(TrialAttempt& attempt, std::int64_t resource, std::span<const double> losses) {
  Guard guard(mutex);
  if (stopping && !attempt.leased) check_current_locked(attempt);
  check_usable();
  Ledger::Reported reported = ledger.report(attempt.job.trial, attempt.number, resource, losses, now());
  record(guard, std::move(reported.event));
  attempt.resource = resource;
  return reported.go_on;
}

void StudyState::check_current(const TrialAttempt& attempt) {
  const Guard guard(mutex);
  check_current_locked(attempt);
}

void StudyState::check_current_locked(const TrialAttempt& attempt) const {
  ledger.check_open(attempt.job.trial, attempt.number);
  if (stopping && !attempt.leased) throw StudyStopped();
  check_usable();
}

void StudyState::heartbeat(const TrialAttempt& attempt) {
  const Guard guard(mutex);
  check_current_locked(attempt);
  ledger.heartbeat(attempt.job.trial, attempt.number, now());
}

void StudyState::tell(const TrialAttempt& attempt) {
  Guard guard(mutex);
  check_usable();
  record(guard, ledger.done(attempt.job.trial, attempt.number, now()));
  changed.notify_all();
}

void StudyState::finish(const TrialAttempt& attempt) {
  {
    const Guard guard(mutex);
    check_usable();
    if (!ledger.is_open(attempt.job.trial, attempt.number)) return;  // the training function said itself how it ended
    if (!ledger.fulfilled(attempt.job.trial)) {
      // It may have caught StudyStopped and returned: not its fault.
      if (!stopping)
        throw std::runtime_error(message("the training function returned at resource ", attempt.resource.load(),
                                         ", but must report up to to_resource, ", attempt.job.to_resource));
      throw StudyStopped();
    }
  }
  tell(attempt);
}

void StudyState::fail(const TrialAttempt& attempt, const std::string& why) {
  Guard guard(mutex);
  check_usable();
  record(guard, ledger.failed(attempt.job.trial, attempt.number, why, options.max_attempts, now()));
  changed.notify_all();
}

void StudyState::release(const TrialAttempt& attempt) {
  Guard guard(mutex);
  check_usable();
  record(guard, ledger.released(attempt.job.trial, attempt.number, now()));
  changed.notify_all();
}

}  // namespace quorate
