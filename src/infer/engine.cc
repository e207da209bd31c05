#include "quorate/infer/engine.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <future>
#include <mutex>
#include <numeric>
#include <thread>

#include "core/message.h"
#include "infer/flow.h"
#include "infer/pending.h"
#include "infer/placement.h"
#include "infer/thread_binding.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;

// Read as integers, infinities and NaNs are the largest: a maximum that compilers turn into vector code.
bool all_finite(const float* values, std::size_t count) {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) most = std::max(most, std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu);
  return most < 0x7f800000u;
}

std::vector<Engine::Member> load_members(const ModelLibrary& library, const Cascade& cascade, const Plan& plan,
                                         const EngineOptions& options) {
  std::vector<Engine::Member> members;
  for (const std::string& name : library.names()) members.push_back({name, nullptr});
  const EnginePlacement placement = place(cascade, members, plan);
  for (const EnginePlacement::Slot& slot : placement.slots) {
    Engine::Member& member = members[static_cast<std::size_t>(slot.model)];
    const ModelLibrary::Entry entry = library.entry(member.name);
    require(!entry.model_file.empty(), "model \"", member.name,
            "\" has no file in the library, but an engine needs one to run it");
    member.backend = load_backend(entry.model_file, {entry.model_sha256, options.trust, placement.devices_of(slot)});
  }
  return members;
}

}  // namespace

struct Engine::State {
  State(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& chosen)
      : options(chosen),
        devices(plan.devices),
        placement(place(cascade, models, plan)),
        flow(cascade, placement.demand(), placement.batch(), devices.size()),
        features(chosen.features),
        features_known(!chosen.features.empty()) {
    require(options.max_queue_samples >= 1, "max_queue_samples is ", options.max_queue_samples, ", but must be at least 1");
    for (const EnginePlacement::Slot& slot : placement.slots) {
      const Member& member = models[static_cast<std::size_t>(slot.model)];
      require(member.backend != nullptr, "model \"", member.name, "\" has no backend, but the cascade asks it");
      members.push_back(member);
      stats.models.push_back({member.name});
      adopt_features(member, *std::ranges::max_element(slot.batch));
    }
    for (const Device& device : devices) stats.lanes.push_back({device.name});
    full.resize(members.size(), 0);
  }

  // A model that says which samples and batches it takes is held to it before anything runs.
  void adopt_features(const Member& member, int batch) {
    const std::int64_t most = member.backend->max_batch();
    require(most == 0 || batch <= most, "the plan runs model \"", member.name, "\" at batch ", batch,
            ", but it was compiled for batches of at most ", most);
    const std::vector<std::int64_t> said = member.backend->features();
    if (said.empty()) return;
    require(!features_known || features == said, "model \"", member.name, "\" takes samples of shape [", joined(said),
            "], but must take [", joined(features), "] as the committee does");
    features = said;
    features_known = true;
  }

  void start() {
    std::vector<std::future<void>> bound;
    try {
      for (std::size_t device = 0; device < devices.size(); ++device) {
        std::promise<void> promise;
        bound.push_back(promise.get_future());
        lanes.emplace_back([this, device, ready = std::move(promise)]() mutable {
          try {
            bind_this_thread(devices[device]);
          } catch (...) {
            return ready.set_exception(std::current_exception());
          }
          ready.set_value();
          run_lane(device);
        });
      }
      for (std::future<void>& lane : bound) lane.get();
    } catch (...) {
      stop(false);
      throw;
    }
  }

  void run_lane(std::size_t device) {
    std::vector<float> gathered;
    std::unique_lock lock(mutex);
    for (;;) {
      std::optional<Batch> batch;
      work.wait(lock, [&] { return (batch = flow.take(device)) || (closed && flow.unanswered() == 0); });
      if (!batch) return;
      lock.unlock();
      Scores scores;
      std::exception_ptr failure;
      const Clock::time_point begin = Clock::now();
      try {
        scores = compute(*batch, gathered);
      } catch (...) {
        failure = std::current_exception();
      }
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

      lock.lock();
      count(device, *batch, seconds);
      const auto settled = failure ? flow.fail(*batch, failure) : finish(*batch, scores);
      for (const auto& request : settled) confirm_features(*request);
      lock.unlock();
      work.notify_all();
      room.notify_all();
      for (const auto& request : settled) std::static_pointer_cast<Pending::State>(request)->settle();
      // The last references to a caller's input and to scores go here, not under the lock.
      batch.reset();
      scores = {};
      lock.lock();
    }
  }

  std::vector<std::shared_ptr<Request>> finish(const Batch& batch, const Scores& scores) {
    try {
      return flow.finish(batch, scores);
    } catch (const std::exception& error) {
      const DeviceError named(message("model \"", members[batch.slot].name, "\": ", error.what()));
      return flow.fail(batch, std::make_exception_ptr(named));
    }
  }

  // Reads samples where they lie if they lie together, as they do in a first tier.
  Scores compute(const Batch& batch, std::vector<float>& gathered) {
    const std::size_t row = batch.runs.front().segment->request->row;
    const float* input = batch.runs.front().input();
    const float* end = input;
    bool together = true;
    for (const Run& run : batch.runs) {
      together = together && run.input() == end;
      end = run.input() + run.count * row;
    }
    if (!together) {
      gathered.resize(batch.samples * row);
      float* next = gathered.data();
      for (const Run& run : batch.runs) next = std::copy_n(run.input(), run.count * row, next);
      input = gathered.data();
    }
    std::vector<std::int64_t> shape = batch.runs.front().segment->request->features;
    shape.insert(shape.begin(), static_cast<std::int64_t>(batch.samples));
    const Member& member = members[batch.slot];
    return run_checked(*member.backend, member.name, input, shape);
  }

  void count(std::size_t device, const Batch& batch, double seconds) {
    EngineStats::Model& model = stats.models[batch.slot];
    model.samples += batch.samples;
    model.batches += 1;
    model.seconds += seconds;
    full[batch.slot] += static_cast<std::uint64_t>(placement.slots[batch.slot].batch[device]);
    stats.lanes[device].busy_s += seconds;
  }

  // All samples that wait together have one shape. Where no model says it, the first request's holds until it fails.
  void check_features(const std::vector<std::int64_t>& found) {
    require((!features_known && flow.unanswered() == 0) || found == features, "x has samples of shape [", joined(found),
            "], but must have [", joined(features), "]");
    features = found;
  }

  void confirm_features(const Request& request) { features_known = features_known || !request.failure; }

  void require_own_process() const {
    if (::getpid() != process)
      throw Error(message("this engine belongs to process ", process,
                          " and its threads did not follow the fork into process ", ::getpid(), ": make a new Engine here"));
  }

  void stop(bool drain) {
    std::vector<std::shared_ptr<Request>> failed;
    {
      const std::lock_guard lock(mutex);
      closed = true;
      if (!drain) failed = flow.fail_all(std::make_exception_ptr(Error("the engine was closed before this was answered")));
    }
    work.notify_all();
    room.notify_all();
    for (const auto& request : failed) std::static_pointer_cast<Pending::State>(request)->settle();
    const std::lock_guard one_at_a_time(joining);
    for (std::thread& lane : lanes)
      if (lane.joinable()) lane.join();
  }

  EngineOptions options;
  const std::vector<Device> devices;
  const EnginePlacement placement;
  const pid_t process = ::getpid();
  std::vector<Member> members;  // [slots]

  mutable std::mutex mutex;  // of all below
  std::condition_variable work;
  std::condition_variable room;
  Flow flow;
  std::vector<std::int64_t> features;
  bool features_known;
  bool closed = false;
  EngineStats stats;
  std::vector<std::uint64_t> full;  // [slots], samples that its batches had room for

  std::mutex joining;
  std::vector<std::thread> lanes;
};

Engine::Engine(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& options)
    : state_(std::make_unique<State>(models, cascade, plan, options)) {
  state_->start();
}

Engine::Engine(const ModelLibrary& library, const Cascade& cascade, const Plan& plan, const EngineOptions& options)
    : Engine(load_members(library, cascade, plan, options), cascade, plan, options) {}

Engine::Engine(const ModelLibrary& library, const Ensemble& ensemble, const Plan& plan, const EngineOptions& options)
    : Engine(library, as_cascade(ensemble), plan, options) {}

Engine::~Engine() {
  // A forked child has no lanes to join; what they held is left as it is.
  if (::getpid() == state_->process)
    state_->stop(false);
  else
    static_cast<void>(state_.release());
}

Pending Engine::submit(Samples samples) {
  state_->require_own_process();
  const std::vector<std::int64_t>& shape = samples.shape;
  require(shape.size() >= 2, "x has shape [", joined(shape), "], but must be [samples, features...]");
  require(std::ranges::min(shape) >= 1, "x has shape [", joined(shape),
          "], but must hold at least one sample and one feature");
  const std::vector<std::int64_t> features(shape.begin() + 1, shape.end());
  const auto row =
      static_cast<std::size_t>(std::accumulate(features.begin(), features.end(), std::int64_t{1}, std::multiplies<>()));
  const auto count = static_cast<std::size_t>(shape[0]);
  for (std::size_t sample = 0; sample < count; ++sample)
    require(all_finite(samples.data + sample * row, row), "x[", sample,
            "] holds a value that is not finite, but all must be");

  const auto state = std::make_shared<Pending::State>();
  state->input = samples.data;
  state->samples = count;
  state->features = features;
  state->row = row;
  state->owner = std::move(samples.owner);
  {
    std::unique_lock lock(state_->mutex);
    state_->room.wait(lock, [&] { return state_->closed || state_->flow.unanswered() < state_->options.max_queue_samples; });
    if (state_->closed) throw Error("the engine is closed");
    state_->check_features(features);
    state_->flow.submit(state);
  }
  state_->work.notify_all();
  return Pending(state);
}

Answer Engine::predict(const float* data, std::vector<std::int64_t> shape) {
  const Pending pending = submit({data, std::move(shape)});
  pending.wait(INFINITY);
  if (pending.state_->failure) std::rethrow_exception(pending.state_->failure);
  return std::move(pending.state_->answer);
}

void Engine::close(bool drain) {
  state_->require_own_process();
  state_->stop(drain);
}

EngineStats Engine::stats() const {
  state_->require_own_process();
  const std::lock_guard lock(state_->mutex);
  EngineStats stats = state_->stats;
  for (std::size_t slot = 0; slot < stats.models.size(); ++slot)
    if (state_->full[slot] > 0)
      stats.models[slot].fill = static_cast<double>(stats.models[slot].samples) / static_cast<double>(state_->full[slot]);
  stats.reach = state_->flow.reach();
  stats.answered = state_->flow.answered();
  return stats;
}

}  // namespace quorate
