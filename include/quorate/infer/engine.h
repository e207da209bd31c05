// Runs a committee where its plan put it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quorate/infer/backend.h"
#include "quorate/library/model_library.h"
#include "quorate/plan/plan.h"
#include "quorate/route/cascade.h"
#include "quorate/select/ensemble.h"

namespace quorate {

struct Answer {
  std::size_t samples = 0;
  std::size_t classes = 0;
  std::vector<float> probs;  // [samples, classes], of the tier that answered (Combine::kMean, kMajority: of all so far)
  std::vector<std::int32_t> tier;    // [samples], the tier that answered
  std::vector<double> certainty;     // [samples], how sure it was: what a DriftMonitor observes beside the tier
  std::vector<std::int32_t> answer;  // [samples], the class
};

// Samples for an engine: [samples, features...], row-major float32.
struct Samples {
  const float* data = nullptr;
  std::vector<std::int64_t> shape;
  std::shared_ptr<const void> owner = nullptr;  // keeps `data` alive until the answer is there; null: the caller does
};

// An answer to come. Copies speak of the same answer; it outlives the engine.
class Pending {
 public:
  bool done() const;

  // Waits for at most `timeout_s` (infinity: as long as it takes); true where the answer, or its failure, is there.
  // Throws std::invalid_argument for NaN.
  bool wait(double timeout_s) const;

  // Waits, then gives the answer or throws what made it fail: DeviceError where a model did, Error where the engine closed.
  const Answer& get() const;

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
  std::size_t max_queue_samples = std::size_t{1} << 20;  // submit() waits while as many samples are without an answer
};

// What an engine has done so far.
struct EngineStats {
  struct Model {
    std::string name;
    std::uint64_t samples = 0;
    std::uint64_t batches = 0;
    double seconds = 0.0;  // that devices spent on it
    double fill = 0.0;     // mean share of the planned batch size that a batch had, in [0, 1]
  };
  struct Lane {
    std::string device;
    double busy_s = 0.0;
  };
  std::vector<Model> models;         // the cascade's members, in the order of its tiers
  std::vector<Lane> lanes;           // the plan's devices
  std::vector<std::uint64_t> reach;  // [tiers], samples that a tier decided on
  std::uint64_t answered = 0;        // samples
};

// A thread on each device of the plan, pinned to its cores, with as many intra-op threads as it has cores. It takes a batch
// of the model that is furthest behind (plan/policy.h), of up to the plan's size, from whatever samples of whatever requests
// wait for that model. After a tier, the samples that it is not sure of (route/decide.h) wait at once for the next. Each
// sample's members are added in the cascade's order, so an answer depends on neither timing nor the number of devices,
// except where a model itself gives a sample other bits in a batch of another size. The caller's thread settings stay as
// they are.
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
  // for devices that are not here, or has a larger batch than a model was compiled for, and for max_queue_samples of 0;
  // FileError as load_backend does.
  Engine(const ModelLibrary& library, const Cascade& cascade, const Plan& plan, const EngineOptions& options = {});
  Engine(const ModelLibrary& library, const Ensemble& ensemble, const Plan& plan, const EngineOptions& options = {});

  // The same for models that the caller has loaded, or made.
  Engine(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& options = {});

  // Closes without waiting for what is unanswered.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Queues samples; the input is read where it lies, never copied whole. Waits while max_queue_samples are unanswered.
  // Throws std::invalid_argument for no samples, another shape than the models take, and values that are not finite; Error
  // after close().
  Pending submit(Samples samples);

  // submit() and get(). A model's failure reaches the caller as DeviceError, and leaves the engine usable.
  Answer predict(const float* data, std::vector<std::int64_t> shape);

  // Takes no more samples, answers what is queued (drain) or makes it fail with Error, and ends the threads.
  void close(bool drain = false);

  EngineStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quorate
