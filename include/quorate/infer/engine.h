// Runs a committee where its plan put it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quorate/core/error.h"
#include "quorate/infer/backend.h"
#include "quorate/library/model_library.h"
#include "quorate/library/predictions.h"
#include "quorate/plan/plan.h"
#include "quorate/plan/profile.h"
#include "quorate/route/cascade.h"
#include "quorate/select/ensemble.h"

namespace quorate {

// Why a request got no answer. Besides these: DeviceError where models failed, Error where the engine closed.
class QueueFull : public Error {
 public:
  using Error::Error;
};
class DeadlineExceeded : public Error {
 public:
  using Error::Error;
};
class Cancelled : public Error {
 public:
  using Error::Error;
};

struct Answer {
  std::size_t samples = 0;
  std::size_t classes = 0;
  std::vector<float> probs;  // [samples, classes], of the tier that answered (Combine::kMean, kMajority: of all so far)
  std::vector<std::int32_t> tier;           // [samples], the tier that answered
  std::vector<double> certainty;            // [samples], how sure it was: what a DriftMonitor observes beside the tier
  std::vector<std::int32_t> answer;         // [samples], the class
  std::vector<std::uint8_t> degraded;       // [samples], 1: answered without some member that should have been asked
  std::vector<std::string> lost;            // the members that are missing from some sample's answer
  std::optional<double> foretold_accuracy;  // of the committee without `lost` on EngineOptions::held_out; set where degraded
  double latency_s = 0.0;                   // from the call of submit() to the answer of its last sample
};

// Samples for an engine: [samples, features...], row-major float32.
struct Samples {
  const float* data = nullptr;
  std::vector<std::int64_t> shape;
  std::shared_ptr<const void> owner = nullptr;  // keeps `data` alive until nobody reads it; null: the caller does
};

// An answer to come. Copies speak of the same answer; it outlives the engine.
class Pending {
 public:
  bool done() const;

  // Waits for at most `timeout_s` (infinity: as long as it takes); true where the answer, or its failure, is there.
  // Throws std::invalid_argument for NaN.
  bool wait(double timeout_s) const;

  // Samples that have an answer so far. Takes the engine's lock.
  std::size_t answered() const;

  // Waits, then gives the answer or throws what made it fail: DeviceError where models did, DeadlineExceeded, Cancelled,
  // Error where the engine closed.
  const Answer& get() const;

  // Takes the request out of the engine's queues: it fails with Cancelled. False where its end had come before.
  bool cancel() const;

 private:
  friend class Engine;
  struct State;
  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

struct EngineOptions {
  bool trust = false;  // load files whose SHA-256 is not the library's: see load_backend
  std::vector<std::int64_t> features =
      {};  // shape of one sample; empty: what a model says, or else the first answered one's
  std::map<std::string, std::shared_ptr<Backend>> backends = {};  // by model: instead of the library's file
  // A program that calls run_isolated_worker(), and its arguments: each model file runs in a process of its own on each
  // device, and one that dies or takes longer than batch_timeout_s is killed and has failed once (see isolated.h). Empty:
  // models run in this process.
  std::vector<std::string> worker = {};

  // The queue. A request enters while fewer samples than this are without an answer; so they exceed it by one request at
  // most. submit() waits for that, or throws QueueFull.
  std::size_t max_queue_samples = std::size_t{1} << 20;
  bool refuse_when_full = false;
  // A batch that is smaller than the plan's is run when its first sample has waited this long for the model; 0: at once.
  double max_wait_s = 0.0;

  // Failure. Where a model fails, samples are answered without it (`degrade`), or their requests fail. A batch of several
  // requests is tried again for each alone first. A model whose batches fail so many times in a row, while others could
  // answer, is put aside for so long; one that ran for longer than batch_timeout_s, for good: its device gets another
  // thread, and the model goes on using the device's cores until it returns.
  bool degrade = true;
  int failures_in_a_row = 3;
  double retry_after_s = 30.0;
  double batch_timeout_s = std::numeric_limits<double>::infinity();
  // What foretold_accuracy is read off: must have every member, by name, and true classes.
  std::optional<Predictions> held_out = std::nullopt;
  // What the plan was made from. With it the loss of a device leads to a new plan for those left; without it they go on
  // with what they host.
  std::optional<Profile> profile = std::nullopt;
};

// What an engine has done so far, in the order of the cascade's tiers and the plan's devices.
struct EngineStats {
  struct Model {
    std::string name;
    std::size_t tier = 0;
    std::uint64_t samples = 0;
    std::uint64_t batches = 0;
    std::uint64_t failed_batches = 0;
    std::size_t queued = 0;  // samples that wait for it now
    double seconds = 0.0;    // that devices spent on it
    double fill = 0.0;       // mean share of the largest batch of its device that a batch had, in [0, 1]
    std::string aside = {};  // where it is put aside now, why
  };
  struct Lane {
    std::string device;
    std::uint64_t samples = 0;
    std::uint64_t batches = 0;
    double busy_s = 0.0;
    double busy_share = 0.0;      // of uptime_s
    std::vector<int> batch = {};  // [models], the largest that it runs of each now; 0: not hosted
    std::string lost = {};        // where the device is lost, why
  };
  struct Tier {
    std::uint64_t reached = 0;   // samples that it decided on
    std::uint64_t answered = 0;  // of those, samples that it answered
    std::size_t queued = 0;      // samples that wait for its members now, for each
  };
  double uptime_s = 0.0;
  std::vector<Model> models;
  std::vector<Lane> lanes;
  std::vector<Tier> tiers;
  std::uint64_t answered = 0;         // samples
  double answered_per_s = 0.0;        // answered / uptime_s
  std::size_t unanswered = 0;         // samples that are in the engine now
  std::uint64_t requests = 0;         // taken in
  std::uint64_t requests_ended = 0;   // of those, with an answer or without
  std::uint64_t requests_failed = 0;  // of those, without
};

// A thread on each device of the plan, pinned to its cores, with as many intra-op threads as it has cores. It takes a batch
// of the model that is furthest behind (plan/policy.h), of up to the plan's size, from whatever samples of whatever requests
// wait for that model. After a tier, the samples that it is not sure of (route/decide.h) wait at once for the next. Each
// sample's members are added in the cascade's order, so an answer depends on neither timing nor the number of devices,
// except where a model itself gives a sample other bits in a batch of another size. The caller's thread settings stay as
// they are. One more thread watches over deadlines.
//
// Every request that submit() took in ends once: with an answer, or with one error. See docs/inferring.md for what happens
// where models, memory or devices fail.
//
// Safe to call from several threads. Of no use in a forked child: calls there throw Error.
class Engine {
 public:
  // A model of the library by its name; null where no tier asks it.
  struct Member {
    std::string name;
    std::shared_ptr<Backend> backend;
  };

  // The cascade's members are indices into library.names(); the plan knows models by name and may hold more. Everything is
  // checked before anything runs. Throws std::invalid_argument for a plan that is infeasible, does not place a member, is
  // for devices that are not here, or has a larger batch than a model was compiled for or than its device has memory for,
  // for held-out predictions or a profile that lack a member, backends of models that the library does not have, and for
  // numbers out of range; FileError as load_backend does.
  Engine(const ModelLibrary& library, const Cascade& cascade, const Plan& plan, const EngineOptions& options = {});
  Engine(const ModelLibrary& library, const Ensemble& ensemble, const Plan& plan, const EngineOptions& options = {});

  // The same for models that the caller has loaded, or made.
  Engine(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& options = {});

  // Closes without waiting for what is unanswered.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues samples; the input is read where it lies, never copied whole (but where batch_timeout_s is finite and the input
  // has no owner: it might be read for longer than the caller keeps it). `deadline_s`, from now: a request without an answer
  // by then fails with DeadlineExceeded. Throws std::invalid_argument for no samples, another shape than the models take,
  // values that are not finite and a deadline that is not positive; QueueFull, or DeadlineExceeded where room comes too
  // late; Error after close().
  Pending submit(Samples samples, double deadline_s = std::numeric_limits<double>::infinity());

  // submit() and get(). A model's failure reaches the caller as DeviceError, and leaves the engine usable.
  Answer predict(const float* data, std::vector<std::int64_t> shape);

  // Takes no more samples, answers what is queued (drain) or makes it fail with Error, and ends the threads.
  void close(bool drain = false);

  EngineStats stats() const;

  // Threads that run batches, of all engines of this process, and have not ended: those of open engines, and those that were
  // given up with a model that hangs.
  static int threads();

 private:
  friend class Pending;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quorate
