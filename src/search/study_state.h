// What the parts of a study share: its folder, lock, log and ledger.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "quorate/core/error.h"
#include "quorate/core/file.h"
#include "quorate/search/study.h"
#include "search/event_log.h"
#include "search/ledger.h"
#include "search/library_retention.h"

namespace quorate {

// The newest checkpoint of a trial that is whole, and its resource. `problem` says what is wrong with newer ones.
struct FoundCheckpoint {
  std::optional<std::filesystem::path> path = {};
  std::int64_t resource = 0;
  std::string problem = {};
};

struct TrialAttempt {
  std::weak_ptr<StudyState> study;
  Job job;
  int number = 0;
  bool leased = false;  // of Study::ask, so that a run that is told to stop does not concern it
  std::uint64_t seed = 0;
  std::string token;
  std::optional<Device> device;
  double device_share = 1.0;
  FoundCheckpoint checkpoint;
  std::atomic<std::int64_t> resource = 0;  // which the training's state stands at
};

// Each change of the ledger is on record before anyone is told of it. Where the log cannot be written the ledger is ahead of
// what is stored: from then on every change is refused with the same error, until the study is opened anew.
struct StudyState : std::enable_shared_from_this<StudyState> {
  using Guard = std::unique_lock<std::mutex>;

  // Reads what is stored; the caller has made sure that there is something.
  StudyState(const std::filesystem::path& study_folder, std::unique_ptr<FileLock> held_lock, const StudyOptions& chosen);

  // These lock `mutex` themselves; those with an attempt throw AttemptOver where it is over.
  std::optional<TrialJob> start(const RunOptions& run, int worker);  // waits until there is something to do
  std::optional<TrialJob> ask(const AskOptions& ask);
  TrialJob attempt(std::string_view token);
  bool report(TrialAttempt& attempt, std::int64_t resource, std::span<const double> losses);
  void check_current(const TrialAttempt& attempt);  // also throws StudyStopped
  void heartbeat(const TrialAttempt& attempt);
  void tell(const TrialAttempt& attempt);
  void finish(const TrialAttempt& attempt);  // the training function returned
  void fail(const TrialAttempt& attempt, const std::string& why);
  void release(const TrialAttempt& attempt);
  void save_checkpoint(const TrialAttempt& attempt, std::string_view bytes, std::int64_t resource);
  std::string add_model(const TrialAttempt& attempt, std::int64_t resource,
                        const std::map<std::string, ModelLibrary::Array>& predictions,
                        const std::map<std::string, double>& cost, const std::filesystem::path& model,
                        std::map<std::string, std::string> about);
  FoundCheckpoint find_checkpoint(std::int64_t trial);
  double loss_of(const TrialModel& model) const;

  // One worker's life: train until there is nothing left to do or the run is stopped.
  void work(const Train& train, const RunOptions& run, int worker);
  void train_job(const Train& train, TrialJob job);

  // With `mutex` held, which record() and propose() let go of for a while:
  //
  // Returns once these events and all before them are in the log. Those that come meanwhile go there together, by the hand
  // of the first that waits.
  void record(Guard& guard, std::vector<Event> events);
  void record(Guard& guard, std::optional<Event> event);
  std::optional<Ledger::Started> next(Guard& guard, const RunOptions& run);
  std::shared_ptr<TrialAttempt> attempt_of(const Job& job, int number);
  TrialJob handed_out(Guard& guard, Ledger::Started started, std::shared_ptr<TrialAttempt> attempt);
  void expire(Guard& guard);
  void bound_checkpoints(Guard& guard);
  // In a catch block for what was written under `folder`: a full disk is not the trial's fault. Ends the run, which throws
  // the error, and throws StudyStopped; for an attempt of ask(), or an error elsewhere, throws the error itself.
  [[noreturn]] void fail_on_file(const TrialAttempt& attempt, const FileError& error);
  void check_usable() const;  // throws FileError after a failed record()
  void check_current_locked(const TrialAttempt& attempt) const;
  Progress progress() const;
  double work_done() const;                         // in units of resource, by the losses at the rungs
  double work_expected(std::int64_t trials) const;  // the same of so many trials, by the brackets' shares

  const std::filesystem::path folder;
  const std::unique_ptr<FileLock> lock;

  mutable std::mutex mutex;  // guards what follows
  EventLog log;              // and, while `writing`, its writer alone uses this
  StudyOptions options;
  Ledger ledger;
  std::vector<Event> unwritten;
  std::uint64_t queued = 0;   // events that were ever put into `unwritten`
  std::uint64_t written = 0;  // those of them that are in the log
  bool writing = false;
  bool proposing = false;
  std::string broken;  // why the log could not be written
  bool in_run = false;
  bool stopping = false;
  std::exception_ptr run_error;  // why a run had to be stopped
  std::uint64_t changes = 0;
  std::condition_variable committed;  // events were written
  std::condition_variable changed;    // there may be something else to do

  // Safe to use without the mutex.
  ModelLibrary library;
  LibraryRetention retention;
};

Now now();

}  // namespace quorate
