// Asynchronous Hyperband as a state machine: who is trained next, and how far.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "quorate/search/space.h"

namespace quorate {

//   kPromote  a trial is paused at each rung and goes on from there once it is among the best (ASHA, Li et al. 2020, Alg. 2)
//   kStop     a trial runs on and is stopped at the first rung where it is not among the best (their variant for trials
//             that cannot be resumed)
enum class Mode { kPromote, kStop };

struct HyperbandOptions {
  std::int64_t min_resource = 1;  // the lowest rung has at least this many: epochs, steps, samples
  std::int64_t max_resource = 27;
  double eta = 3.0;  // one in eta goes on; see ReductionFactor for what it is rounded to
  Mode mode = Mode::kPromote;
  std::uint64_t seed = 0;

  bool operator==(const HyperbandOptions&) const = default;
};

// Train `trial` from `from_resource` to `to_resource`.
struct Job {
  std::int64_t trial = 0;  // 0, 1, 2 ... in the order in which they were first handed out
  Config config;
  int bracket = 0;                 // leaves out that many of the lowest rungs
  int rung = 0;                    // where it ends: rungs()[rung] == to_resource
  std::int64_t from_resource = 0;  // 0: from scratch; else the rung that it was paused at
  std::int64_t to_resource = 0;
  int attempt = 1;  // counts up when the same job is handed out again

  bool operator==(const Job&) const = default;
};

//   kRunning    handed out        kWaiting  failed, to be handed out again      kPaused  at a rung, may yet be promoted
//   kCompleted  at max_resource   kStopped  at a rung, for good (kStop)         kFailed  for good
enum class TrialState { kRunning, kWaiting, kPaused, kCompleted, kStopped, kFailed };
std::string_view to_text(TrialState state);

// Hyperband (Li et al., JMLR 2018) with asynchronous successive halving (ASHA; Li et al., MLSys 2020) in each bracket. It
// has no thread, clock or file and must be synchronised from outside; the same calls in the same order give the same
// answers.
//
// A new trial's configuration and bracket are drawn from the seed and its number alone. Brackets are drawn in proportion to
// bracket_sizes(), so that each gets about the budget that Hyperband gives it; the papers loop over the brackets instead,
// which would tie a trial's bracket to what came before it.
//
// Rungs belong to a bracket: losses are compared only with those of the same bracket at exactly the same resource. Of n
// losses at a rung the best floor(n / eta) may go on; lower is better, ties go to the earlier trial, NaN and infinite losses
// count in n but never go on. In mode kStop at least the best so far goes on, as otherwise the first never could.
//
// A trial that fails for good gives up its place at the rung it came from, and the next best moves up; the paper does not
// speak of failures.
//
// A decision takes O(log n) of n trials, amortised, plus a look at each rung of each bracket.
class AsyncHyperband {
 public:
  // Throws std::invalid_argument for options that rung_resources or ReductionFactor refuse.
  AsyncHyperband(Space space, const HyperbandOptions& options = {});
  ~AsyncHyperband();
  AsyncHyperband(AsyncHyperband&&) noexcept;
  AsyncHyperband& operator=(AsyncHyperband&&) noexcept;

  // The next job: a failed one that is to be retried, oldest failure first; else the promotion to the highest rung, of its
  // candidates in the lowest bracket that has one the best; else a new trial. There is always one.
  Job ask();

  // The same without new trials; nullopt where no trial waits or can be promoted now.
  std::optional<Job> resume();

  // The next new trial takes this configuration instead of a drawn one; several are taken in order. Throws
  // std::invalid_argument where the space does not allow it.
  void enqueue(Config config);

  // The job reached to_resource with this loss. The same as report() there.
  void tell(const Job& job, double loss);

  // The job measured `loss` after `resource`; true: go on. False at to_resource, which ends the job, and in mode kStop at a
  // rung of its bracket where the trial is not among the best, which ends the trial. Anywhere else nothing is decided: a
  // rung that was skipped has no loss of this trial, and later losses do not stand in for it. A later attempt that comes by
  // a rung again is told to go on; the first loss stands. Throws std::invalid_argument, changing nothing, for a resource
  // that is not above this attempt's last and from_resource, or is above to_resource.
  bool report(const Job& job, std::int64_t resource, double loss);

  // The job ended without a result. `retry`: it is handed out again; else the trial has failed for good.
  void fail(const Job& job, bool retry = false);

  // The three above throw std::invalid_argument, changing nothing, for a job that was never handed out or is over: told,
  // failed, stopped, or handed out again since.

  const Space& space() const;
  const HyperbandOptions& options() const;
  const std::vector<std::int64_t>& rungs() const;  // resources, ascending
  int brackets() const { return static_cast<int>(rungs().size()); }
  std::int64_t trials() const;                          // handed out so far
  TrialState state(std::int64_t trial) const;           // trial < trials()
  std::int64_t rung_size(int bracket, int rung) const;  // losses there so far
  std::uint64_t trial_seed(std::int64_t trial) const;   // below 2^32, for the training itself

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate
