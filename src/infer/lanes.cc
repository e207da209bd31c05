// What an engine's threads do: one a device that runs batches, one that watches the clock.
#include <algorithm>

#include "core/message.h"
#include "infer/engine_state.h"
#include "infer/spin.h"
#include "infer/thread_binding.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

struct CountedThread {
  explicit CountedThread(std::atomic<int>& counter) : count(counter) { ++count; }
  ~CountedThread() { --count; }
  CountedThread(const CountedThread&) = delete;
  CountedThread& operator=(const CountedThread&) = delete;
  std::atomic<int>& count;
};

// A plan for the devices that are left, with the demands of the one before.
Plan plan_again(const Profile& profile, const Plan& before, const std::vector<std::size_t>& left) {
  constexpr double kLeastDemand = 1e-9;  // that plan() takes
  PlanOptions options;
  for (const std::string& model : profile.models) {
    const auto found = std::ranges::find(before.models, model);
    const double demand =
        found == before.models.end() ? 0.0 : before.demand[static_cast<std::size_t>(found - before.models.begin())];
    options.demand.push_back(demand > 0.0 ? std::max(demand, kLeastDemand) : 0.0);
  }
  std::vector<Device> devices;
  for (const std::size_t device : left) devices.push_back(before.devices[device]);
  return plan(profile, devices, options);
}

}  // namespace

void Engine::State::start() {
  std::vector<std::promise<void>> bound(plan.devices.size());
  try {
    {
      const std::lock_guard lock(mutex);
      for (std::size_t device = 0; device < bound.size(); ++device) lanes.push_back(std::make_unique<Lane>());
      for (std::size_t device = 0; device < bound.size(); ++device) start_thread(device, &bound[device]);
    }
    for (std::promise<void>& lane : bound) lane.get_future().get();
    watcher = std::thread([self = shared_from_this()] { self->watch(); });
  } catch (...) {
    stop(false);
    throw;
  }
}

// With the lock. `bound` hears whether the thread could be bound to the device; without it the device is lost where not.
void Engine::State::start_thread(std::size_t device, std::promise<void>* bound) {
  Lane& lane = *lanes[device];
  lane.task = std::make_shared<Task>();
  lane.thread = std::thread([shared = shared_from_this(), device, task = lane.task, bound]() mutable {
    const CountedThread counted(threads);
    const std::shared_ptr<State> self = std::move(shared);  // may be the last, and goes before this thread is not counted
    try {
      bind_this_thread(self->plan.devices[device]);
    } catch (const DeviceError& error) {
      std::unique_lock lock(self->mutex);
      self->lanes[device]->over = true;
      self->lane_over.notify_all();
      if (bound) return bound->set_exception(std::current_exception());
      Ended ended = self->lose_device(device, failure<DeviceLost>(error.what()), lock);
      return self->settle(lock, std::move(ended));
    }
    if (bound) bound->set_value();
    self->run_lane(device, task);
  });
  lane.over = false;
}

void Engine::State::run_lane(std::size_t device, const std::shared_ptr<Task>& task) {
  std::vector<float> gathered;
  std::unique_lock lock(mutex);
  Lane& lane = *lanes[device];
  while (!task->given_up && stats.lanes[device].lost.empty()) {
    task->begin_s = now_s();
    task->batch = flow.take(device, task->begin_s);
    if (!task->batch) {
      if (closed && flow.unanswered() == 0) break;
      pause(device, task->begin_s, lock);
      continue;
    }
    wake_watch(timeout_s(*task));
    Scores scores;
    Ended ended = run_batch(device, task, gathered, scores, lock);
    std::optional<Batch> done;
    done.swap(task->batch);
    settle(lock, std::move(ended));
    // The last references to requests and scores may go here, not under the lock: either may run the caller's code.
    done.reset();
    scores = {};
    lock.lock();
  }
  if (task->given_up) return;
  lane.over = true;
  lane_over.notify_all();
}

// Until there may be something to do. Called and left with the lock. A lane whose last pause was short, as between the
// requests of a caller who waits for each, looks for the next before it sleeps.
void Engine::State::pause(std::size_t device, double begin_s, std::unique_lock<std::mutex>& lock) {
  Lane& lane = *lanes[device];
  const double next_s = flow.next_batch_s(device);
  lane.called = false;
  const auto called = [&] { return lane.called.load(); };
  if (lane.pause_s < kLook_s) {
    lane.at = Lane::kLooking;
    lock.unlock();
    spin_until(called, std::min(kLook_s, next_s - begin_s));
    lock.lock();
  }
  lane.at = Lane::kAsleep;
  if (next_s < kNever)
    lane.wake.wait_until(lock, at(next_s), called);
  else
    lane.wake.wait(lock, called);
  lane.at = Lane::kBusy;
  lane.pause_s = now_s() - begin_s;
}

// Called and left with the lock.
Ended Engine::State::run_batch(std::size_t device, const std::shared_ptr<Task>& task, std::vector<float>& gathered,
                               Scores& scores, std::unique_lock<std::mutex>& lock) {
  const Batch& batch = *task->batch;
  lock.unlock();
  FailurePointer failed;
  enum { kNone, kModel, kMemory, kDevice } what = kNone;
  try {
    scores = compute(device, batch, gathered);
  } catch (const DeviceLost& error) {
    failed = failure<DeviceLost>(error.what());
    what = kDevice;
  } catch (const OutOfMemory& error) {
    failed = failure<OutOfMemory>(error.what());
    what = kMemory;
  } catch (const std::bad_alloc&) {
    failed = failure<OutOfMemory>(message("no memory to gather a batch for model \"", members[batch.slot].name, "\""));
    what = kMemory;
  } catch (const std::exception& error) {
    failed = failure<DeviceError>(error.what());
    what = kModel;
  }
  lock.lock();

  const double now = now_s();
  if (task->given_up) return flow.let_go(batch);
  EngineStats::Model& model = stats.models[batch.slot];
  model.samples += batch.samples;
  model.batches += 1;
  model.seconds += now - task->begin_s;
  full[batch.slot] += static_cast<std::uint64_t>(flow.batch()[device * members.size() + batch.slot]);
  stats.lanes[device].samples += batch.samples;
  stats.lanes[device].batches += 1;
  stats.lanes[device].busy_s += now - task->begin_s;
  switch (what) {
    case kNone:
      try {
        return flow.finish(batch, scores, now);
      } catch (const DeviceError& error) {
        return flow.fail(batch, failure<DeviceError>(message("model \"", members[batch.slot].name, "\": ", error.what())),
                         now);
      }
    case kModel:
      return flow.fail(batch, failed, now);
    case kMemory:
      return flow.out_of_memory(batch, failed, now);
    case kDevice:
      break;
  }
  Ended ended = flow.put_back(batch, now);
  task->batch.reset();  // it is not this lane's any more while a new plan is made
  ended.add(lose_device(device, failed, lock));
  return ended;
}

// Reads samples where they lie if they lie together, as they do in a first tier.
Scores Engine::State::compute(std::size_t device, const Batch& batch, std::vector<float>& gathered) {
  const Request& first = *batch.runs.front().segment->request;
  const std::size_t row = first.row;
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
  std::vector<std::int64_t> shape{static_cast<std::int64_t>(batch.samples)};
  shape.insert(shape.end(), first.features.begin(), first.features.end());
  const Member& member = members[batch.slot];
  return run_checked(*member.backend, member.name, input, shape, &plan.devices[device]);
}

std::vector<std::size_t> Engine::State::devices_left() const {
  std::vector<std::size_t> left;
  for (std::size_t device = 0; device < stats.lanes.size(); ++device)
    if (stats.lanes[device].lost.empty()) left.push_back(device);
  return left;
}

// Called and left with the lock, which is let go while a new plan is made: what waits for the device waits meanwhile.
Ended Engine::State::lose_device(std::size_t device, const FailurePointer& failure, std::unique_lock<std::mutex>& lock) {
  stats.lanes[device].lost = failure->words;
  std::vector<std::size_t> left;
  std::optional<Plan> again;
  while (left != devices_left()) {  // another device may be lost meanwhile
    left = devices_left();
    if (!options.profile || left.empty()) continue;
    lock.unlock();
    again = plan_again(*options.profile, plan, left);
    lock.lock();
  }
  const std::size_t slots = members.size();
  std::vector<int> batch(plan.devices.size() * slots, 0);
  for (std::size_t place = 0; place < left.size(); ++place)
    for (std::size_t slot = 0; slot < slots; ++slot) {
      int& here = batch[left[place] * slots + slot];
      here = flow.batch()[left[place] * slots + slot];
      if (!again || !again->feasible) continue;
      const auto column = std::ranges::find(again->models, members[slot].name) - again->models.begin();
      here = again->batch[again->index(place, static_cast<std::size_t>(column))];
    }
  return flow.place(std::move(batch), failure, now_s());
}

// Looks after deadlines and batches that take too long.
void Engine::State::watch() {
  std::unique_lock lock(mutex);
  while (!watch_over) {
    watch_wakes_s = std::min(flow.next_deadline_s(), next_timeout_s());
    if (watch_wakes_s < kNever)
      watch_wake.wait_until(lock, at(watch_wakes_s));
    else
      watch_wake.wait(lock);
    const double now = now_s();
    Ended ended = flow.expire(now);
    ended.add(give_up_late(now, lock));
    settle(lock, std::move(ended));
    lock.lock();
  }
}

void Engine::State::wake_watch(double at_s) {
  if (!(at_s < watch_wakes_s)) return;
  watch_wakes_s = at_s;
  watch_wake.notify_one();
}

double Engine::State::next_timeout_s() const {
  double next = kNever;
  for (const auto& lane : lanes)
    if (!lane->over) next = std::min(next, timeout_s(*lane->task));
  return next;
}

// When a task's batch has taken too long.
double Engine::State::timeout_s(const Task& task) const {
  if (!task.batch || members[task.batch->slot].backend->keeps_time()) return kNever;
  return task.begin_s + options.batch_timeout_s;
}

// A thread cannot be stopped: it goes its own way with the batch, and the device gets another.
Ended Engine::State::give_up_late(double now, std::unique_lock<std::mutex>& lock) {
  Ended ended;
  for (std::size_t device = 0; device < lanes.size(); ++device) {
    Lane& lane = *lanes[device];
    if (lane.over || now < timeout_s(*lane.task)) continue;
    lane.task->given_up = true;
    lane.thread.detach();
    const Batch& batch = *lane.task->batch;
    const auto late =
        failure<DeviceError>(message("model \"", members[batch.slot].name, "\" took more than ", options.batch_timeout_s,
                                     " s for a batch of ", batch.samples, " on device \"", plan.devices[device].name, "\""));
    ended.add(flow.give_up(batch, late, now));
    lane.over = true;
    try {
      start_thread(device, nullptr);
    } catch (const std::system_error& error) {
      const auto lost =
          failure<DeviceLost>(message("device \"", plan.devices[device].name, "\": no thread for it: ", error.what()));
      ended.add(lose_device(device, lost, lock));
      lane_over.notify_all();
    }
  }
  return ended;
}

}  // namespace quorate
