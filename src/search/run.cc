#include <chrono>
#include <system_error>
#include <thread>

#include "core/message.h"
#include "quorate/core/error.h"
#include "search/study_state.h"

namespace quorate {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::milliseconds kProgress{100};

// Several threads may fail; the first exception is the run's.
class FirstError {
 public:
  void keep(std::exception_ptr error) {
    const std::lock_guard guard(mutex_);
    if (!error_) error_ = std::move(error);
  }
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void StudyState::train_job(const Train& train, TrialJob job) {
  const std::shared_ptr<TrialAttempt> attempt = job.attempt_;
  std::string why;
  try {
    train(job);
    return finish(*attempt);
  } catch (const StudyStopped&) {
    {
      const Guard guard(mutex);
      if (!stopping) why = "the training function threw StudyStopped, but the study was not told to stop";
    }
    if (why.empty()) return release(*attempt);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "the training function threw something that is not a std::exception";
  }
  fail(*attempt, why.empty() ? "the training function threw an exception without a message" : why);
}

void StudyState::work(const Train& train, const RunOptions& run, int worker) {
  while (auto job = start(run, worker)) train_job(train, *std::move(job));
}

void Study::run(const Train& train, const RunOptions& options) {
  require(static_cast<bool>(train), "train is empty, but must be a function");
  require(options.trials >= 0, "trials is ", options.trials, ", but must be at least 0");
  require(options.workers >= 1, "workers is ", options.workers, ", but must be at least 1");
  StudyState& state = *state_;
  std::unique_lock guard(state.mutex);
  require(!state.in_run, "the study in ", state.folder.string(), " is running already");
  state.check_usable();
  state.in_run = true;
  state.stopping = false;
  state.run_error = nullptr;
  state.changed.notify_all();

  FirstError error;
  int alive = 0;
  const auto worker = [&](int number) {
    try {
      state.work(train, options, number);
    } catch (...) {
      error.keep(std::current_exception());
      const std::lock_guard lock(state.mutex);
      state.stopping = true;
    }
    const std::lock_guard lock(state.mutex);
    --alive;
    state.changed.notify_all();
  };
  const auto began = Clock::now();
  const double done_before = state.work_done();
  const auto progress = [&] {
    Progress result = state.progress();
    result.elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
    const double done = state.work_done() - done_before;
    const double left = state.work_expected(options.trials) - done_before - done;
    if (state.ledger.finished(options.trials))
      result.left_s = 0.0;
    else if (done > 0.0)
      result.left_s = result.elapsed_s * std::max(left, 0.0) / done;
    return result;
  };

  std::vector<std::jthread> threads;
  try {
    for (; alive < options.workers; ++alive) threads.emplace_back(worker, alive);
  } catch (const std::system_error& failure) {
    const std::string words =
        message("thread ", alive + 1, " of workers=", options.workers, " cannot be started: ", failure.what());
    error.keep(std::make_exception_ptr(Error(words)));
    state.stopping = true;
    state.changed.notify_all();
  }
  std::uint64_t shown = state.changes;
  auto next_progress = began;
  while (alive > 0) {
    state.changed.wait_for(guard, kLook);
    const bool show = options.on_progress && state.changes != shown && Clock::now() >= next_progress;
    std::optional<Progress> snapshot;
    if (show) {
      snapshot = progress();
      shown = state.changes;
      next_progress = Clock::now() + kProgress;
    }
    guard.unlock();
    bool stop = false;
    try {
      if (snapshot) options.on_progress(*snapshot);
      stop = options.should_stop && options.should_stop();
    } catch (...) {
      error.keep(std::current_exception());
      stop = true;
    }
    guard.lock();
    try {
      // Attempts of ask() whose workers are gone.
      state.expire(guard);
    } catch (const FileError&) {
      error.keep(std::current_exception());
    }
    if (stop && !state.stopping) {
      state.stopping = true;
      state.changed.notify_all();
    }
  }
  guard.unlock();
  threads.clear();
  guard.lock();
  state.in_run = false;
  if (state.run_error) error.keep(state.run_error);
  const Progress last = progress();
  guard.unlock();
  error.rethrow();
  if (options.on_progress) options.on_progress(last);
}

}  // namespace quorate
