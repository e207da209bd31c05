#include "core/message.h"
#include "quorate/core/error.h"
#include "search/study_state.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const StudyState& study, std::int64_t trial) {
  return study.folder / "checkpoints" / std::to_string(trial);
}

fs::path file_of(const StudyState& study, std::int64_t trial, std::int64_t resource) {
  return folder_of(study, trial) / (std::to_string(resource) + ".ckpt");
}

}  // namespace

FoundCheckpoint StudyState::find_checkpoint(std::int64_t trial) {
  std::vector<EventLog::Checkpoint> checkpoints;
  {
    const std::lock_guard guard(mutex);
    checkpoints = log.checkpoints(trial);
  }
  FoundCheckpoint found;
  for (const EventLog::Checkpoint& checkpoint : checkpoints) {
    const fs::path path = file_of(*this, trial, checkpoint.resource);
    if (!found.problem.empty()) found.problem += "; ";
    try {
      if (sha256_of_file(path) == checkpoint.sha256) {
        found.path = path;
        found.resource = checkpoint.resource;
        found.problem += found.problem.empty() ? "" : "went on from the one at resource " + std::to_string(found.resource);
        return found;
      }
      found.problem += path.string() + ": the checkpoint does not have the SHA-256 that it was saved with";
    } catch (const FileError& error) {
      found.problem += error.what();
    }
  }
  if (!found.problem.empty()) found.problem += "; started from scratch";
  return found;
}

void StudyState::save_checkpoint(const TrialAttempt& attempt, std::string_view bytes) {
  check_current(attempt);
  const std::int64_t trial = attempt.job.trial;
  const EventLog::Checkpoint checkpoint{attempt.resource, sha256(bytes)};
  std::vector<EventLog::Checkpoint> older;
  {
    const std::lock_guard guard(mutex);
    older = log.checkpoints(trial);
    for (const EventLog::Checkpoint& other : older) {
      // File and record cannot change in one step: without a record, a death in between costs work but never correctness.
      if (other.resource >= checkpoint.resource) log.remove_checkpoint(trial, other.resource);
    }
  }
  const fs::path path = file_of(*this, trial, checkpoint.resource);
  make_folder(path.parent_path());
  write_file(path, bytes);
  {
    const std::lock_guard guard(mutex);
    ledger.check_open(trial, attempt.number);
    log.add_checkpoint(trial, checkpoint);
    for (const EventLog::Checkpoint& other : older)
      if (other.resource < checkpoint.resource) log.remove_checkpoint(trial, other.resource);
  }
  // Also what a death before its record or after its removal left behind.
  for (const fs::path& file : files_in(path.parent_path())) {
    std::error_code stays;
    if (file != path) fs::remove(file, stays);
  }
  remove_leftovers(path.parent_path());
}

}  // namespace quorate
