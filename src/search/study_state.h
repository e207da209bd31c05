// What the parts of a study share: its folder, lock, log and ledger.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "quorate/core/file.h"
#include "quorate/search/study.h"
#include "search/event_log.h"
#include "search/ledger.h"

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
  std::uint64_t seed = 0;
  FoundCheckpoint checkpoint;
  std::atomic<std::int64_t> resource = 0;  // which the training's state stands at
};

// Each change of the ledger is on record before anyone is told of it. Where the log cannot be written the ledger is ahead of
// what is stored: from then on every change is refused with the same error, until the study is opened anew.
struct StudyState : std::enable_shared_from_this<StudyState> {
  // Reads what is stored; the caller has made sure that there is something.
  StudyState(const std::filesystem::path& study_folder, std::unique_ptr<FileLock> held_lock);

  // These lock `mutex` themselves; those with an attempt throw std::invalid_argument where it is over.
  std::optional<TrialJob> start(std::int64_t limit);
  bool report(TrialAttempt& attempt, std::int64_t resource, double loss);
  void check_current(const TrialAttempt& attempt);  // also throws StudyStopped
  void finish(const TrialAttempt& attempt);         // the training function returned
  void fail(const TrialAttempt& attempt, const std::string& why);
  void interrupt(const TrialAttempt& attempt);
  void save_checkpoint(const TrialAttempt& attempt, std::string_view bytes);
  FoundCheckpoint find_checkpoint(std::int64_t trial);

  // One worker's life: train until there is nothing left to do or the run is stopped.
  void work(const Train& train, std::int64_t limit);
  void attempt(const Train& train, TrialJob job);

  // With `mutex` held:
  void record(const Event& event);
  void check_usable() const;  // throws FileError after a failed record()
  void check_current_locked(const TrialAttempt& attempt) const;
  void fail_locked(const TrialAttempt& attempt, const std::string& why);
  Progress progress() const;

  const std::filesystem::path folder;
  const std::unique_ptr<FileLock> lock;
  int max_attempts = 2;

  mutable std::mutex mutex;  // guards what follows
  EventLog log;
  Ledger ledger;
  std::string broken;  // why the log could not be written
  bool in_run = false;
  bool stopping = false;
  std::uint64_t changes = 0;
  std::condition_variable changed;

  ModelLibrary library;  // safe to use without the mutex
};

}  // namespace quorate
