// A search that lasts: it survives its process, and the same lines of code go on with it.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/library/model_library.h"
#include "quorate/search/async_hyperband.h"

namespace quorate {

struct StudyState;    // private
struct TrialAttempt;  // private

struct StudyOptions {
  HyperbandOptions hyperband = {};
  int max_attempts = 2;  // so often may one job fail before its trial has failed; an interruption does not count
};

// What is known of one trial. `losses` are by resource, as acknowledged; `attempts` counts how often it was handed out, over
// all rungs; `message` says why it failed last, or why it could not go on from its checkpoint.
struct Trial {
  std::int64_t number = 0;
  Config config;
  TrialState state = TrialState::kRunning;
  int bracket = 0;
  std::map<std::int64_t, double> losses;
  int attempts = 0;
  std::string message;
};

std::string to_json(const Trial& trial);

struct Progress {
  struct Rung {
    std::int64_t resource = 0;
    std::int64_t losses = 0;  // over all brackets
  };
  std::int64_t trials = 0;                    // handed out so far
  std::map<TrialState, std::int64_t> states;  // trials in each state; states without one are absent
  std::vector<Rung> rungs;                    // ascending
  std::optional<std::int64_t> best_trial;     // as Study::best; its loss is best_loss at best_resource
  std::int64_t best_resource = 0;
  double best_loss = 0.0;
  double elapsed_s = 0.0;  // since this run began
};

// Thrown into a training function, by what it calls on its job, once the run that it belongs to was told to stop. Let it
// pass; the attempt does not count as failed and is handed out again.
class StudyStopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the study was told to stop"; }
};

// One attempt at a job, in the hands of a training function. A handle that is cheap to copy; its functions may be called
// from any thread. After the attempt is over (the training function returned or threw) those that change the study throw
// std::invalid_argument: a worker that comes back late harms nothing.
class TrialJob {
 public:
  std::int64_t trial() const;
  const Config& config() const;
  int bracket() const;
  int rung() const;                    // where the job ends, see Job
  std::int64_t from_resource() const;  // 0: from scratch
  std::int64_t to_resource() const;
  int attempt() const;         // 1, 2 ...: over all jobs of the trial
  std::uint64_t seed() const;  // of the trial, below 2^32: from the study's seed and its number alone

  // The last checkpoint that was saved whole and still has its SHA-256, and the resource that it was saved at: train on from
  // there. nullopt and 0: there is none; from_resource says how far the trial once was, but it has to start again.
  const std::optional<std::filesystem::path>& checkpoint() const;
  std::int64_t checkpoint_resource() const;

  // The loss after `resource`, 1..to_resource(), in ascending order within an attempt. True: go on; false: return, as
  // to_resource is reached or, with Mode::kStop, the trial is not among the best. When it returns, the loss is on record
  // (durability "process": it survives the death of this process). What an earlier attempt reported stands: the same
  // resource again changes nothing and has the same answer; where an earlier attempt was stopped, the first report above
  // that resource is false and not kept. Throws StudyStopped, and std::invalid_argument for a resource that is out of range
  // or order.
  bool report(std::int64_t resource, double loss);

  // Keeps `bytes`, the training's state after the last report (before the first one: the state at checkpoint_resource), as
  // the checkpoint that the trial's next attempt goes on from. Written whole or not at all to
  // checkpoints/<trial>/<resource>.ckpt, then recorded with its SHA-256, then older ones of the trial are removed. Throws
  // StudyStopped, FileError.
  void save_checkpoint(std::string_view bytes);

  // Adds the model, as it is after the last report, to the study's library, called "t0007r9" for trial 7 at resource 9. A
  // model of that name, from an earlier attempt, is left as it is. `about` gets "trial", "resource" and "config" (JSON)
  // where it does not have them. Other arguments and errors as in ModelLibrary::add. Returns the name.
  std::string add_model(const std::map<std::string, ModelLibrary::Array>& predictions,
                        const std::map<std::string, double>& cost, const std::filesystem::path& model = {},
                        std::map<std::string, std::string> about = {});

  // Whether the run was told to stop: the next call will throw StudyStopped.
  bool stop_requested() const;

 private:
  friend struct StudyState;
  explicit TrialJob(std::shared_ptr<TrialAttempt> attempt) : attempt_(std::move(attempt)) {}
  std::shared_ptr<TrialAttempt> attempt_;
};

// Trains job.trial() from job.checkpoint_resource() to job.to_resource().
using Train = std::function<void(TrialJob& job)>;

struct RunOptions {
  std::int64_t trials = 100;  // how many trials the study shall have in all
  int workers = 1;            // threads that call the training function
  // Called on the thread that called run(), when something has changed, at most ten times a second, and once at the end.
  std::function<void(const Progress& progress)> on_progress = {};
  // Called on that thread about twenty times a second; true stops the run as soon as the training functions are back.
  std::function<bool()> should_stop = {};
};

// A folder with study.db (SQLite), library/, checkpoints/<trial>/ and study.lock. What is stored is the order of events:
// who was handed out, reported, ended. Opening replays them into AsyncHyperband, so that its state is its own and not a copy
// that could differ. An attempt that was under way when the process ended is handed out again before all else, with its last
// good checkpoint; what it had reported stands.
//
// Durability is "process": what was acknowledged survives the death of the process, however it dies; after a power cut
// the last moments may be missing, but nothing is half there.
class Study {
 public:
  // Makes the study where the folder has none; else goes on with it. Throws std::invalid_argument naming the first
  // difference where the study was made with another space or other hyperband options (max_attempts may change); FileError
  // where another process or object has it open, where the database is truncated, malformed or of a later version (it is
  // then left as it was), or where the folder cannot be written.
  Study(const std::filesystem::path& folder, const Space& space, const StudyOptions& options = {});

  // Goes on with the study that is there, whatever it was made with. FileError where there is none.
  explicit Study(const std::filesystem::path& folder, int max_attempts = 2);

  Study(Study&&) = default;
  Study& operator=(Study&&) = default;

  // Trains until the study has `trials` trials and no one waits, runs or can be promoted; at once where that is so already.
  // Calls `train` on `workers` threads. Where it throws, or returns without having reported to_resource, the attempt
  // failed; the job is tried again, up to max_attempts, from its last checkpoint. An exception of on_progress or
  // should_stop, and a database that cannot be written, stops the run and is thrown here; so does Error where the system has
  // no room for so many threads. Throws std::invalid_argument for workers < 1, trials < 0, or while another run() of this
  // study goes on.
  void run(const Train& train, const RunOptions& options = {});

  std::vector<Trial> trials() const;  // by number

  // Of the trials that have not failed: at the highest resource where any of them has a finite loss, the one with the
  // lowest; ties to the earlier. nullopt where there is no finite loss.
  std::optional<Trial> best() const;

  Progress progress() const;  // elapsed_s is that of the run that goes on, else 0

  ModelLibrary library() const;  // a handle on folder/library
  const std::filesystem::path& folder() const;
  const Space& space() const;
  const HyperbandOptions& options() const;
  int max_attempts() const;
  const std::vector<std::int64_t>& rungs() const;  // resources, ascending

 private:
  std::shared_ptr<StudyState> state_;
};

}  // namespace quorate
