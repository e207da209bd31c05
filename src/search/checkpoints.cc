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
  std::optional<CheckpointRecord> record;
  {
    const Guard guard(mutex);
    record = ledger.checkpoint(trial);
  }
  if (!record) return {};
  const fs::path path = file_of(*this, trial, record->resource);
  std::string problem;
  try {
    if (sha256_of_file(path) == record->sha256) return {path, record->resource, {}};
    problem = path.string() + ": the checkpoint does not have the SHA-256 that it was saved with";
  } catch (const FileError& error) {
    problem = error.what();
  }
  return {{}, 0, problem + "; started from scratch"};
}

// The trial whose checkpoint goes may be handed out meanwhile: then it starts from scratch, as it does without a bound where
// its file is damaged.
void StudyState::bound_checkpoints(Guard& guard) {
  if (!options.checkpoint_bytes || ledger.checkpoint_bytes() <= *options.checkpoint_bytes) return;
  std::vector<std::int64_t> idle = ledger.machine().least_promising();
  // One that was stopped is over for the machine while its last attempt is still at work.
  std::erase_if(idle, [&](std::int64_t trial) {
    const TrialState state = ledger.state(trial);
    return state == TrialState::kRunning || state == TrialState::kWaiting;
  });
  const std::vector<StoredCheckpoint> dropped = checkpoints_to_drop(ledger.checkpoints(), idle, *options.checkpoint_bytes);
  std::vector<Event> events;
  for (const StoredCheckpoint& checkpoint : dropped) events.push_back(*ledger.drop_checkpoint(checkpoint.trial, now()));
  record(guard, std::move(events));
  for (const StoredCheckpoint& checkpoint : dropped) {
    // Handed out since, it may be writing a new one; then its next save_checkpoint clears the folder.
    if (ledger.state(checkpoint.trial) == TrialState::kRunning) continue;
    std::error_code stays;
    fs::remove(file_of(*this, checkpoint.trial, checkpoint.resource), stays);
  }
}

void StudyState::save_checkpoint(const TrialAttempt& attempt, std::string_view bytes, std::int64_t resource) {
  check_current(attempt);
  const std::int64_t trial = attempt.job.trial;
  const CheckpointRecord checkpoint{resource, sha256(bytes), static_cast<std::int64_t>(bytes.size())};
  const fs::path path = file_of(*this, trial, checkpoint.resource);
  {
    Guard guard(mutex);
    // File and record cannot change in one step: without a record, a death in between costs work but never correctness.
    const auto& older = ledger.checkpoint(trial);
    if (older && older->resource >= checkpoint.resource) record(guard, ledger.drop_checkpoint(trial, now()));
  }
  try {
    make_folder(path.parent_path());
    write_file(path, bytes);
  } catch (const FileError& error) {
    fail_on_file(attempt, error);
  }
  {
    Guard guard(mutex);
    record(guard, ledger.checkpoint(trial, attempt.number, checkpoint, now()));
    bound_checkpoints(guard);
  }
  // Also what a death before its record or after its removal left behind.
  for (const fs::path& file : files_in(path.parent_path())) {
    std::error_code stays;
    if (file != path) fs::remove(file, stays);
  }
  remove_leftovers(path.parent_path());
}

}  // namespace quorate
