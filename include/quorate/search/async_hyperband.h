// Asynchronous Hyperband as a state machine: who is trained next, and how far.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "quorate/search/space.h"

namespace quorate {

//   kPromote  a trial is paused at each rung and goes on from there once it is among the best (ASHA, Li et al. 2020, Alg. 2)
//   kDelay    the same, but no more than floor(n / eta) of a rung's n trials go on in all: where one that is among the best
//   now
//             comes when others went on before it, it waits until the rung has grown (D-ASHA, Li et al. 2022, "Hyper-Tune")
//   kStop     a trial runs on and is stopped at the first rung where it is not among the best (their variant for trials
//             that cannot be resumed)
enum class Mode { kPromote, kDelay, kStop };
std::string_view to_text(Mode mode);    // "promote", "delay" or "stop"
Mode mode_from(std::string_view name);  // throws std::invalid_argument for another; so do all ..._from below

//   kRandom  every configuration is drawn independently
//   kSobol   a scrambled Sobol sequence (Owen 1995; directions of Joe and Kuo 2008): trial n takes its point n, so that any
//            number of trials covers the space evenly; spaces of up to 256 parameters
enum class Sampling { kRandom, kSobol };
std::string_view to_text(Sampling sampling);
Sampling sampling_from(std::string_view name);

struct HyperbandOptions {
  std::int64_t min_resource = 1;  // the lowest rung has at least this many: epochs, steps, samples
  std::int64_t max_resource = 27;
  double eta = 3.0;  // one in eta goes on; see ReductionFactor for what it is rounded to
  Mode mode = Mode::kPromote;
  std::uint64_t seed = 0;
  Sampling sampling = Sampling::kRandom;
  int objectives = 1;  // how many losses a report has, all to be minimised; see AsyncHyperband for what ranks first
  int brackets = 0;  // so many of them, from the longest: 1 is successive halving alone; 0: all, as many as there are rungs

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
// Rungs belong to a bracket: losses are compared only with those of the same bracket at exactly the same resource. Of the n
// trials measured at a rung the best floor(n / eta) may go on; lower is better, ties go to the earlier trial.
//
// With several objectives they are ranked as in MO-ASHA (Schmucker et al. 2021, arXiv 2106.12639). One trial dominates
// another if it is nowhere worse and somewhere better. Front 0 is dominated by nobody; front 1 by front 0 alone; and so on.
// Whole fronts go on while they fit. Of the one that does not, those go on that a greedy net chooses first: the one with the
// lowest first loss, then always the one that is farthest from its nearest chosen one; ties go to the earlier trial. Of two
// trials that may go on, that of the lower front is promoted first; in a front that goes on whole the earlier trial, in the
// other the net's order.
//
// Deviations from Hyperband (Li et al. 2018, Algorithm 1), ASHA (Li et al. 2020, Algorithm 2) and MO-ASHA:
//   - A new trial's bracket and configuration are drawn from the seed and its number alone, brackets in proportion to
//     bracket_sizes(), so that each gets about the budget that Hyperband gives it. Hyperband loops over the brackets, which
//     would tie a trial's bracket to what came before it. Bracket b here is Hyperband's s = s_max - b, ASHA's s = b.
//   - Rungs are floor(R / eta^k), counted down from the top, so that the top is R itself, and eta counts to a thousandth
//     (see rung_resources()). ASHA counts up from the least resource, r eta^k.
//   - Candidates of one rung are looked for in all brackets, the lowest first, and of one rung the best is promoted.
//     ASHA grows the bottom rung only where nothing can be promoted, as here.
//   - A trial of which any loss is NaN or infinite counts in n, ranks behind all others and never goes on, not even where
//     there is room. The papers know no such losses.
//   - Mode kStop decides with the losses there are when a trial comes by, and never again. The places open are
//     max(1, floor(n / eta)), as otherwise the first trial could not go on. So one that ranks first of all so far always
//     goes on: it has the lowest loss; with several objectives the lowest first loss and, of those with that, nobody
//     dominates it.
//   - A trial that fails for good gives up its place at the rung it came from: the next best moves up, and with several
//     objectives those that it dominated alone. It still counts in n. A failed job may be retried instead. The papers do not
//     speak of failures.
//   - The net measures distances as the sum over the objectives, each as a share of its range in the front, so that units do
//     not matter. In fronts that go on whole the net's order is not computed, as it decides nothing there.
//
// Time of a decision with n trials: O(log n) amortised with one objective. With two, O(log^2 n) to find the trial's front,
// then the number of trials that the new one pushes into other fronts, amortised about sqrt(n) for losses that are
// unrelated, and O(m log m) for the net of a front of m that does not fit whole, where it has changed: little unless most
// trials lie on one front. Losses that rise and fall together make many short fronts and cost up to O(n). With three or
// more, O(n), O(m^2) for the net, and O(n m) whenever the quota reaches a new front. Memory: about 60 bytes a trial, 120
// with two objectives; a drawn configuration is not kept but drawn again, an enqueued one is. At most 2^32 - 1 trials.
class AsyncHyperband {
 public:
  // Throws std::invalid_argument for options that rung_resources or ReductionFactor refuse, objectives < 1, and kSobol with
  // more than 256 parameters.
  AsyncHyperband(Space space, const HyperbandOptions& options = {});
  ~AsyncHyperband();
  AsyncHyperband(AsyncHyperband&&) noexcept;
  AsyncHyperband& operator=(AsyncHyperband&&) noexcept;

  // The next job: a failed one that is to be retried, oldest failure first; else the promotion to the highest rung, of its
  // candidates in the lowest bracket that has one the best; else a new trial. There is always one.
  Job ask();

  // The same without new trials; nullopt where no trial waits or can be promoted now.
  std::optional<Job> resume();

  // Whether there is one.
  bool can_resume() const;

  // A new trial, also where there is something to resume.
  Job begin();

  // The next new trial takes this configuration instead of a drawn one; several are taken in order. The trial's number is
  // used up all the same, so trials after it are what they would have been. Throws std::invalid_argument where the space
  // does not allow it.
  void enqueue(Config config);

  // The job reached to_resource with this loss; `losses` [objectives]. The same as report() there.
  void tell(const Job& job, double loss);
  void tell(const Job& job, std::span<const double> losses);

  // The job measured `loss` after `resource`; true: go on. False at to_resource, which ends the job, and in mode kStop at a
  // rung of its bracket where the trial is not among the best, which ends the trial. Anywhere else nothing is decided: a
  // rung that was skipped has no loss of this trial, and later losses do not stand in for it. A later attempt that comes by
  // a rung again is told to go on; the first loss stands. Throws std::invalid_argument, changing nothing, for a resource
  // that is not above this attempt's last and from_resource, or is above to_resource, and for another number of losses than
  // objectives.
  bool report(const Job& job, std::int64_t resource, double loss);
  bool report(const Job& job, std::int64_t resource, std::span<const double> losses);

  // The job ended without a result. `retry`: it is handed out again; else the trial has failed for good.
  void fail(const Job& job, bool retry = false);

  // The three above throw std::invalid_argument, changing nothing, for a job that was never handed out or is over: told,
  // failed, stopped, or handed out again since.

  const Space& space() const;
  const HyperbandOptions& options() const;
  const std::vector<std::int64_t>& rungs() const;       // resources, ascending
  int brackets() const;                                 // that new trials are drawn into
  std::int64_t trials() const;                          // handed out so far
  TrialState state(std::int64_t trial) const;           // trial < trials()
  std::int64_t rung_size(int bracket, int rung) const;  // losses there so far
  Config config(std::int64_t trial) const;              // trial < trials()
  std::int64_t queued() const;                          // configurations that were enqueued and not yet handed out

  // All trials that nobody works on and that wait for nothing but a promotion, or for nothing at all: those least likely to
  // be trained on come first. Failed, stopped and completed ones lead, then paused ones by how far down their rung they
  // stand: how many rank ahead of them, with several objectives by front and then by trial, as a share of the rung's size; a
  // trial with a loss that is not finite has all of it ahead. Ties: the later trial first. O(n log n) with up to two
  // objectives, else up to O(n^2).
  std::vector<std::int64_t> least_promising() const;
  std::uint64_t trial_seed(std::int64_t trial) const;  // below 2^32, for the training itself

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate
