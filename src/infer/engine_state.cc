#include "infer/engine_state.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

// Read as integers, infinities and NaNs are the largest: a maximum that compilers turn into vector code.
bool all_finite(const float* values, std::size_t count) {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) most = std::max(most, std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu);
  return most < 0x7f800000u;
}

std::int64_t product(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

FlowOptions flow_options(const EngineOptions& options) {
  return {options.max_wait_s, options.degrade, options.failures_in_a_row, options.retry_after_s};
}

void check(const EngineOptions& options) {
  require(options.max_queue_samples >= 1, "max_queue_samples is ", options.max_queue_samples, ", but must be at least 1");
  require(options.max_wait_s >= 0.0 && std::isfinite(options.max_wait_s), "max_wait_s is ", options.max_wait_s,
          ", but must be at least 0 and finite");
  require(options.failures_in_a_row >= 1, "failures_in_a_row is ", options.failures_in_a_row, ", but must be at least 1");
  require(options.retry_after_s >= 0.0, "retry_after_s is ", options.retry_after_s, ", but must be at least 0");
  require(options.batch_timeout_s > 0.0, "batch_timeout_s is ", options.batch_timeout_s, ", but must be above 0");
}

void check_profile(const Profile& profile, const EnginePlacement& placement, const std::vector<Engine::Member>& models,
                   const std::vector<Device>& devices) {
  check(profile);
  for (const EnginePlacement::Slot& slot : placement.slots) {
    const std::string& name = models[static_cast<std::size_t>(slot.model)].name;
    require(std::ranges::find(profile.models, name) != profile.models.end(), "the profile has no model \"", name,
            "\", but the cascade asks it");
  }
  for (const Device& device : devices)
    require(profile.kind_index(device.kind).has_value(), "the profile has no kind \"", device.kind, "\", but device \"",
            device.name, "\" is of it");
}

}  // namespace

Engine::State::State(const std::vector<Member>& models, const Cascade& cascade, const Plan& planned,
                     const EngineOptions& chosen)
    : options(chosen),
      plan(planned),
      placement(place(cascade, models, planned)),
      flow(cascade, placement.demand(), placement.batch(), planned.devices.size(), flow_options(chosen)),
      features(chosen.features),
      features_known(!chosen.features.empty()) {
  check(options);
  std::vector<std::string> names;
  for (const Member& model : models) names.push_back(model.name);
  for (std::size_t slot = 0; slot < placement.slots.size(); ++slot) {
    const Member& member = models[static_cast<std::size_t>(placement.slots[slot].model)];
    require(member.backend != nullptr, "model \"", member.name, "\" has no backend, but the cascade asks it");
    members.push_back(member);
    stats.models.push_back({.name = member.name, .tier = flow.slots()[slot].tier});
    adopt_features(member, *std::ranges::max_element(placement.slots[slot].batch));
  }
  if (features_known) check_memory(features);
  if (options.held_out) foretold = std::make_unique<Foretold>(cascade, names, *options.held_out);
  if (options.profile) check_profile(*options.profile, placement, models, plan.devices);
  for (const Device& device : plan.devices) {
    stats.lanes.push_back({.device = device.name});
    for (const int core : device.cores) {
      is_device_core.resize(std::max(is_device_core.size(), static_cast<std::size_t>(core) + 1));
      is_device_core[static_cast<std::size_t>(core)] = true;
    }
  }
  full.resize(members.size(), 0);
}

// A model that says which samples and batches it takes is held to it before anything runs.
void Engine::State::adopt_features(const Member& member, int batch) {
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

// A plan is made before samples are seen: a batch of them alone may be more than a device has.
void Engine::State::check_memory(const std::vector<std::int64_t>& sample) const {
  const double bytes = static_cast<double>(product(sample)) * sizeof(float);
  for (std::size_t device = 0; device < plan.devices.size(); ++device)
    for (std::size_t slot = 0; slot < placement.slots.size(); ++slot) {
      const int batch = placement.slots[slot].batch[device];
      require(batch * bytes <= static_cast<double>(plan.devices[device].memory_bytes), "a batch of ", batch,
              " samples of shape [", joined(sample), "], as the plan runs model \"", members[slot].name, "\" on \"",
              plan.devices[device].name, "\", takes ", batch * bytes, " bytes, but that device has ",
              plan.devices[device].memory_bytes);
    }
}

// All samples that wait together have one shape. Where no model says it, the first request's holds until it fails.
void Engine::State::check_features(const std::vector<std::int64_t>& found) {
  if (found == features) return;
  require(!features_known && flow.unanswered() == 0, "x has samples of shape [", joined(found), "], but must have [",
          joined(features), "]");
  check_memory(found);
  features = found;
}

void Engine::State::require_own_process() const {
  if (::getpid() != process)
    throw Error(message("this engine belongs to process ", process, " and its threads did not follow the fork into process ",
                        ::getpid(), ": make a new Engine here"));
}

Pending Engine::State::submit(Samples samples, double deadline_s) {
  require_own_process();
  const std::vector<std::int64_t>& shape = samples.shape;
  require(shape.size() >= 2, "x has shape [", joined(shape), "], but must be [samples, features...]");
  require(std::ranges::min(shape) >= 1, "x has shape [", joined(shape),
          "], but must hold at least one sample and one feature");
  require(deadline_s > 0.0, "deadline_s is ", deadline_s, ", but must be above 0");
  const double now = now_s();
  const double deadline = now + deadline_s;
  const auto request = std::make_shared<Pending::State>();
  request->features.assign(shape.begin() + 1, shape.end());
  request->row = static_cast<std::size_t>(product(request->features));
  request->samples = static_cast<std::size_t>(shape[0]);
  for (std::size_t sample = 0; sample < request->samples; ++sample)
    require(all_finite(samples.data + sample * request->row, request->row), "x[", sample,
            "] holds a value that is not finite, but all must be");
  if (!samples.owner && std::isfinite(options.batch_timeout_s)) {
    const auto copy =
        std::make_shared<const std::vector<float>>(samples.data, samples.data + request->samples * request->row);
    samples.data = copy->data();
    samples.owner = copy;
  }
  request->input = samples.data;
  request->submitted_s = now;
  request->deadline_s = deadline;
  request->owned = samples.owner != nullptr;
  request->owner = std::move(samples.owner);
  request->engine = weak_from_this();

  std::unique_lock lock(mutex);
  const auto fits = [&] { return closed || flow.unanswered() < options.max_queue_samples; };
  if (!fits()) {
    if (options.refuse_when_full)
      throw QueueFull(message(flow.unanswered(), " samples are without an answer, and no more enter from ",
                              options.max_queue_samples, " up"));
    ++waiting_for_room;
    bool came = true;
    if (deadline < kNever)
      came = room.wait_until(lock, at(deadline), fits);
    else
      room.wait(lock, fits);
    --waiting_for_room;
    if (!came) throw DeadlineExceeded(message("no room in the queue within the deadline of ", deadline_s, " s"));
  }
  if (closed) throw Error("the engine is closed");
  check_features(request->features);
  ++stats.requests;
  Ended ended = flow.submit(request, now_s());
  wake_watch(deadline);
  settle(lock, std::move(ended));
  return Pending(request);
}

bool Engine::State::cancel(const std::shared_ptr<Pending::State>& request) {
  require_own_process();
  std::unique_lock lock(mutex);
  if (request->over()) return false;
  settle(lock, flow.cancel(request, failure<Cancelled>("this request was cancelled"), now_s()));
  return true;
}

// Called after every step of the flow, with the lock, which it lets go: what ended is told, and who waits for it wakes.
void Engine::State::settle(std::unique_lock<std::mutex>& lock, Ended ended) {
  for (const auto& request : ended.settled) {
    ++stats.requests_ended;
    stats.requests_failed += request->failure ? 1 : 0;
    features_known = features_known || !request->failure;
    request->answer.latency_s = now_s() - std::static_pointer_cast<Pending::State>(request)->submitted_s;
    last_latency_s = request->answer.latency_s;
  }
  wake_lanes();
  if (waiting_for_room > 0) room.notify_all();
  lock.unlock();
  // Letting go of an input may run the caller's code.
  for (const auto& request : ended.released) std::static_pointer_cast<Pending::State>(request)->owner.reset();
  for (const auto& request : ended.settled) {
    for (const std::size_t slot : request->lost) request->answer.lost.push_back(members[slot].name);
    if (foretold && !request->failure && !request->lost.empty())
      request->answer.foretold_accuracy = foretold->accuracy(request->lost);
    std::static_pointer_cast<Pending::State>(request)->tell();
  }
}

void Engine::State::wake_lanes() {
  for (std::size_t device = 0; device < lanes.size(); ++device) {
    Lane& lane = *lanes[device];
    if (lane.at == Lane::kBusy || !(closed || flow.next_batch_s(device) < kNever)) continue;
    lane.called = true;
    if (lane.at == Lane::kAsleep) lane.wake.notify_one();
  }
}

// How long whoever waits for an answer should look for it before sleeping: not at all where that takes a core from a device,
// or where answers are slow to come.
double Engine::State::worth_looking_s() const {
  const int core = ::sched_getcpu();
  if (core < 0 || (static_cast<std::size_t>(core) < is_device_core.size() && is_device_core[static_cast<std::size_t>(core)]))
    return 0.0;
  const double expected_s = last_latency_s;
  return expected_s < kLookForAnswer_s ? 2.0 * expected_s : 0.0;
}

EngineStats Engine::State::statistics() const {
  require_own_process();
  const std::lock_guard lock(mutex);
  EngineStats result = stats;
  const double now = now_s();
  result.uptime_s = now;
  for (std::size_t tier = 0; tier < flow.reach().size(); ++tier)
    result.tiers.push_back({flow.reach()[tier], flow.stopped()[tier], 0});
  for (std::size_t slot = 0; slot < result.models.size(); ++slot) {
    EngineStats::Model& model = result.models[slot];
    if (full[slot] > 0) model.fill = static_cast<double>(model.samples) / static_cast<double>(full[slot]);
    model.failed_batches = flow.failed_batches()[slot];
    model.queued = flow.queued(slot);
    result.tiers[model.tier].queued += model.queued;
    if (flow.aside(slot, now)) model.aside = flow.last_failure(slot)->words;
  }
  for (std::size_t device = 0; device < result.lanes.size(); ++device) {
    EngineStats::Lane& lane = result.lanes[device];
    lane.busy_share = lane.busy_s / now;
    if (!lane.lost.empty()) {  // at once, also while a new plan is made
      lane.batch.assign(members.size(), 0);
      continue;
    }
    const auto row = flow.batch().begin() + static_cast<std::ptrdiff_t>(device * members.size());
    lane.batch.assign(row, row + static_cast<std::ptrdiff_t>(members.size()));
  }
  result.answered = flow.answered();
  result.answered_per_s = static_cast<double>(result.answered) / now;
  result.unanswered = flow.unanswered();
  return result;
}

void Engine::State::stop(bool drain) {
  const std::thread::id here = std::this_thread::get_id();
  {
    std::unique_lock lock(mutex);
    closed = true;
    if (drain) flow.hurry();
    // A model, or what keeps an input alive, may be what ends the engine: its thread cannot wait for itself.
    for (const auto& lane : lanes)
      if (lane->thread.get_id() == here) {
        lane->task->given_up = true;
        lane->over = true;
        lane->thread.detach();
        drain = false;
      }
    if (watcher.get_id() == here) watcher.detach();
    Ended ended;
    if (!drain) ended = flow.cancel_all(failure<Error>("the engine was closed before this was answered"));
    room.notify_all();
    settle(lock, std::move(ended));
  }
  const std::lock_guard one_at_a_time(joining);
  {
    std::unique_lock lock(mutex);
    lane_over.wait(lock, [&] { return std::ranges::all_of(lanes, [](const auto& lane) { return lane->over; }); });
    watch_over = true;
    watch_wake.notify_one();
  }
  for (const auto& lane : lanes)
    if (lane->thread.joinable()) lane->thread.join();
  if (watcher.joinable()) watcher.join();
}

}  // namespace quorate
