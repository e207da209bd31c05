// A search that lasts: it survives its process, and the same lines of code go on with it.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/core/device.h"
#include "quorate/library/model_library.h"
#include "quorate/search/async_hyperband.h"

namespace quorate {

struct StudyState;    // private
struct TrialAttempt;  // private

// What an acknowledgement is worth.
//   kProcess  it survives the death of the process, however it dies; a power cut may take the last moments with it
//   kPower    it survives a power cut too: it is sent after the disk has confirmed the write. Those that are due at the same
//             time share one write, so many workers cost little more than one.
enum class Durability { kProcess, kPower };
std::string_view to_text(Durability durability);
Durability durability_from(std::string_view name);

// Which models of a trial stay in the library: those of every rung (of every resource that add_model was called at), or
// only the one with the highest resource.
enum class Keep { kRungs, kLast };
std::string_view to_text(Keep keep);
Keep keep_from(std::string_view name);

struct StudyOptions {
  HyperbandOptions hyperband = {};  // `objectives` there is set from the names below
  std::vector<std::string> objectives = {"loss"};
  // All of these may change when a study is opened again.
  int max_attempts = 2;  // so often may one job fail before its trial has failed; an interruption does not count
  Durability durability = Durability::kProcess;
  double lease_s = 60.0;  // how long an attempt of ask() is held without a report or a heartbeat
  Keep keep = Keep::kRungs;
  std::optional<std::int64_t> checkpoint_bytes = {};  // of all checkpoints together; nullopt: no bound
  std::optional<std::int64_t> library_bytes = {};     // of all models together; nullopt: no bound
};

// What is known of one trial. `losses` are by resource, as acknowledged, and of the first objective; `values` are
// all objectives by resource, empty where there is only one. `attempts` counts how often it was handed out, over all rungs;
// `message` says why it failed last, or why it could not go on from its checkpoint. Times are seconds since 1970: when it
// was first handed out and when it last changed.
struct Trial {
  std::int64_t number = 0;
  Config config;
  TrialState state = TrialState::kRunning;
  int bracket = 0;
  std::map<std::int64_t, double> losses;
  std::map<std::int64_t, std::vector<double>> values;
  int attempts = 0;
  std::string message;
  double started_s = 0.0;
  double changed_s = 0.0;
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
  double elapsed_s = 0.0;        // since this run began
  std::optional<double> left_s;  // until this run ends, if trials go on costing what they did in it; nullopt: not known yet
};

// Thrown into a training function, by what it calls on its job, once the run that it belongs to was told to stop. Let it
// pass; the attempt does not count as failed and is handed out again.
class StudyStopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the study was told to stop"; }
};

// Thrown by what is called on an attempt that is over: its training function returned or threw, it was told or failed, or
// its lease ran out and the job went to somebody else. A worker that comes back late is told so and harms nothing.
class AttemptOver : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// One attempt at a job, in the hands of a training function or of whoever called Study::ask. A handle that is cheap to copy;
// its functions may be called from any thread. After the attempt is over those that change the study throw AttemptOver.
class TrialJob {
 public:
  std::int64_t trial() const;
  const Config& config() const;
  int bracket() const;
  int rung() const;                    // where the job ends, see Job
  std::int64_t from_resource() const;  // 0: from scratch
  std::int64_t to_resource() const;
  int attempt() const;               // 1, 2 ...: over all jobs of the trial
  std::uint64_t seed() const;        // of the trial, below 2^32: from the study's seed and its number alone
  const std::string& token() const;  // names this attempt and no other, e.g. "12:3"; see Study::attempt

  // What this attempt may train on: RunOptions::devices shared out among the workers. nullopt where none were given.
  const std::optional<Device>& device() const;
  double device_share() const;  // 1 over the number of workers on the device; 1 without a device

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
  // The same report again, as from a client that did not get the answer, has the same answer, also after the attempt is
  // over.
  bool report(std::int64_t resource, double loss);
  bool report(std::int64_t resource, std::span<const double> losses);  // [objectives]

  // Keeps `bytes`, the training's state after the last report (before the first one: the state at checkpoint_resource), as
  // the checkpoint that the trial's next attempt goes on from. Written whole or not at all to
  // checkpoints/<trial>/<resource>.ckpt, then recorded with its SHA-256, then older ones of the trial are removed. Throws
  // StudyStopped, and FileError for an attempt of Study::ask; run() ends with that error instead. `resource` says what the
  // state stands at where that is not this handle's last report.
  void save_checkpoint(std::string_view bytes, std::optional<std::int64_t> resource = {});

  // Adds the model, as it is after the last report, to the study's library, called "t0007r9" for trial 7 at resource 9. A
  // model of that name, from an earlier attempt, is left as it is. `about` gets "trial", "resource" and "config" (JSON)
  // where it does not have them. Other arguments and errors as in ModelLibrary::add. Returns the name.
  std::string add_model(const std::map<std::string, ModelLibrary::Array>& predictions,
                        const std::map<std::string, double>& cost, const std::filesystem::path& model = {},
                        std::map<std::string, std::string> about = {}, std::optional<std::int64_t> resource = {});

  // Whether the run was told to stop: the next call will throw StudyStopped.
  bool stop_requested() const;

  // For attempts of Study::ask; run() does these for its training functions. Repeated, each does nothing and has the same
  // answer.
  void heartbeat();                   // the lease begins anew
  void tell();                        // the job is done; throws std::invalid_argument before its last resource was reported
  void fail(const std::string& why);  // counts as one of max_attempts
  void release();                     // hands the job back, to be asked for again; does not count

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
  // Worker i trains on devices[i % devices.size()]; workers on one device share it evenly.
  std::vector<Device> devices = {};
  // Chooses the configuration of a new trial, in place of a drawn one; called by one thread at a time, while no other trial
  // begins. What was enqueued comes first.
  std::function<Config(std::int64_t trial)> propose = {};
};

struct AskOptions {
  std::int64_t trials = 100;  // how many trials the study shall have in all
  // A name for this request, unique to it: asked again under the same name, by a client that did not get the answer, it is
  // the same attempt. Empty: each call is a request of its own.
  std::string request = {};
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

  // Goes on with the study that is there, whatever its space and hyperband options; of `options` only those that may change
  // count. FileError where there is none.
  explicit Study(const std::filesystem::path& folder, const StudyOptions& options = {});

  Study(Study&&) = default;
  Study& operator=(Study&&) = default;

  // Trains until the study has `trials` trials and no one waits, runs or can be promoted; at once where that is so already.
  // Calls `train` on `workers` threads. Where it throws, or returns without having reported to_resource, the attempt
  // failed; the job is tried again, up to max_attempts, from its last checkpoint. An exception of on_progress or
  // should_stop, and a database that cannot be written, stops the run and is thrown here; so does Error where the system has
  // no room for so many threads. Throws std::invalid_argument for workers < 1, trials < 0, or while another run() of this
  // study goes on.
  void run(const Train& train, const RunOptions& options = {});

  // One attempt for a worker that is none of run()'s: a job of a cluster, say. It is held by a lease of lease_s, which every
  // report and heartbeat begins anew. Where a lease has run out by the time that somebody asks, the attempt has failed and
  // its job is handed out again. Outlasts the scheduler: after opening the study again leases begin anew, and tokens are
  // still good. nullopt: nothing to hand out now, or ever where finished().
  std::optional<TrialJob> ask(const AskOptions& options = {});

  // The attempt that this is the token of, over or not; throws std::invalid_argument for a token that was never handed out.
  TrialJob attempt(std::string_view token) const;

  // Whether the study has `trials` trials and nobody waits, runs or can be promoted.
  bool finished(std::int64_t trials) const;

  // The next new trial takes this configuration; several are taken in order. On record when it returns. Throws
  // std::invalid_argument where the space does not allow it.
  void enqueue(const Config& config);

  std::vector<Trial> trials() const;  // by number

  // Of the trials that have not failed: at the highest resource where any of them has a finite loss, the one with the
  // lowest; ties to the earlier. nullopt where there is no finite loss.
  std::optional<Trial> best() const;

  Progress progress() const;  // elapsed_s is that of the run that goes on, else 0

  ModelLibrary library() const;  // a handle on folder/library
  const std::filesystem::path& folder() const;
  const Space& space() const;
  const StudyOptions& options() const;
  const std::vector<std::int64_t>& rungs() const;  // resources, ascending

 private:
  std::shared_ptr<StudyState> state_;
};

}  // namespace quorate
