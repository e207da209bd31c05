// An engine's threads and the lock that they share.
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "infer/flow.h"
#include "infer/foretold.h"
#include "infer/pending.h"
#include "infer/placement.h"
#include "quorate/infer/engine.h"

namespace quorate {

struct Engine::State : std::enable_shared_from_this<Engine::State> {
  using Clock = std::chrono::steady_clock;

  // What a lane's thread does now. A thread whose batch is given up goes its own way with it; the lane gets another.
  struct Task {
    std::optional<Batch> batch;
    double begin_s = 0.0;
    bool given_up = false;
  };

  struct Lane {
    std::thread thread;
    std::shared_ptr<Task> task;
    std::condition_variable wake;
    enum { kBusy, kLooking, kAsleep } at = kBusy;
    std::atomic<bool> called = false;  // set with the lock held: there is something to do
    double pause_s = kNever;           // how long the last one was
    bool over = true;                  // no thread runs it
  };

  State(const std::vector<Member>& models, const Cascade& cascade, const Plan& plan, const EngineOptions& chosen);

  void start();
  void stop(bool drain);
  Pending submit(Samples samples, double deadline_s);
  bool cancel(const std::shared_ptr<Pending::State>& request);
  EngineStats statistics() const;
  void require_own_process() const;

  // engine_state.cc
  void adopt_features(const Member& member, int batch);
  void check_features(const std::vector<std::int64_t>& found);
  void check_memory(const std::vector<std::int64_t>& sample) const;
  void settle(std::unique_lock<std::mutex>& lock, Ended ended);
  void wake_lanes();
  void wake_watch(double at_s);
  double worth_looking_s() const;

  // lanes.cc
  void start_thread(std::size_t device, std::promise<void>* bound);
  void run_lane(std::size_t device, const std::shared_ptr<Task>& task);
  void pause(std::size_t device, double begin_s, std::unique_lock<std::mutex>& lock);
  Ended run_batch(std::size_t device, const std::shared_ptr<Task>& task, std::vector<float>& gathered, Scores& scores,
                  std::unique_lock<std::mutex>& lock);
  Scores compute(std::size_t device, const Batch& batch, std::vector<float>& gathered);
  Ended lose_device(std::size_t device, const FailurePointer& failure, std::unique_lock<std::mutex>& lock);
  std::vector<std::size_t> devices_left() const;
  void watch();
  double timeout_s(const Task& task) const;
  double next_timeout_s() const;
  Ended give_up_late(double now, std::unique_lock<std::mutex>& lock);

  static inline std::atomic<int> threads = 0;  // see Engine::threads

  // That a lane looks for more work before it sleeps. Its core is its own.
  static constexpr double kLook_s = 1e-4;
  // A caller looks for an answer that will take no longer than this.
  static constexpr double kLookForAnswer_s = 5e-4;

  double now_s() const { return std::chrono::duration<double>(Clock::now() - started).count(); }
  Clock::time_point at(double time_s) const {
    return started + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(time_s));
  }

  const EngineOptions options;
  const Plan plan;  // the first
  const EnginePlacement placement;
  const pid_t process = ::getpid();
  const Clock::time_point started = Clock::now();
  std::vector<Member> members;  // [slots]
  std::unique_ptr<Foretold> foretold;
  std::vector<bool> is_device_core;
  std::atomic<double> last_latency_s = kNever;  // of the last request that was answered

  mutable std::mutex mutex;  // of all below
  std::condition_variable room;
  std::size_t waiting_for_room = 0;
  Flow flow;
  std::vector<std::int64_t> features;
  bool features_known;
  bool closed = false;
  EngineStats stats;
  std::vector<std::uint64_t> full;  // [slots], samples that its batches had room for
  std::vector<std::unique_ptr<Lane>> lanes;
  std::condition_variable lane_over;

  std::condition_variable watch_wake;
  double watch_wakes_s = kNever;  // when it looks again by itself
  bool watch_over = false;
  std::thread watcher;

  std::mutex joining;
};

}  // namespace quorate
