#include "quorate/core/parallel.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace quorate {
namespace {

using Body = std::function<void(std::size_t, std::size_t)>;

struct Job {
  const Body& body;
  std::size_t count;
  std::size_t workers;
  std::mutex mutex = {};
  std::exception_ptr first = {};

  void run(std::size_t worker) {
    try {
      body(count * worker / workers, count * (worker + 1) / workers);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!first) first = std::current_exception();
    }
  }
};

// What `value` is when it is no longer `old`. The next call often follows at once: for a while this looks, then it sleeps.
std::uint32_t await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  constexpr std::chrono::microseconds kLook{50};
  const auto until = std::chrono::steady_clock::now() + kLook;
  do {
    for (int look = 0; look < 16; ++look) {
      if (const std::uint32_t now = value.load(std::memory_order_acquire); now != old) return now;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < until);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

cpu_set_t cores_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) CPU_ZERO(&set);
  return set;
}

// The threads that one thread shares its calls with. They are kept, as starting one takes as long as many a call, and may
// use the cores that the caller may.
class Crew {
 public:
  explicit Crew(const cpu_set_t& cores) : cores_(cores), process_(getpid()) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    for (const auto& member : members_) member->ask(nullptr);
    for (const auto& member : members_) member->thread.join();
  }

  // A fork has none of the threads.
  bool is_of(pid_t process) const { return process_ == process; }
  bool may_use(const cpu_set_t& cores) const { return CPU_EQUAL(&cores_, &cores); }

  void grow_to(std::size_t workers) {
    while (members_.size() + 1 < workers) {
      auto member = std::make_unique<Member>();
      member->thread = std::thread([this, own = member.get(), worker = members_.size() + 1, core = sched_getcpu()] {
        spread(worker, core);
        serve(*own, worker);
      });
      members_.push_back(std::move(member));
    }
  }

  // Of no more workers than it has grown to. A part that its member has not begun when the caller comes to it is the
  // caller's: where others keep the cores busy, a member may wake late.
  void run(Job& job) noexcept {
    left_.store(static_cast<std::uint32_t>(job.workers - 1), std::memory_order_relaxed);
    for (std::size_t worker = 1; worker < job.workers; ++worker) members_[worker - 1]->ask(&job);
    job.run(0);
    for (std::size_t worker = job.workers - 1; worker > 0; --worker) {
      Member& member = *members_[worker - 1];
      if (!member.take(member.asked.load(std::memory_order_relaxed))) continue;
      job.run(worker);
      left_.fetch_sub(1, std::memory_order_relaxed);
    }
    for (std::uint32_t left = left_.load(std::memory_order_acquire); left != 0;) left = await_change(left_, left);
  }

 private:
  struct alignas(64) Member {
    std::atomic<std::uint32_t> asked = 0;  // how often
    std::atomic<std::uint32_t> taken = 0;  // the last of these that somebody has taken on
    Job* job = nullptr;                    // of the last, until it is done; null: to end
    std::thread thread;

    void ask(Job* what) {
      job = what;
      asked.fetch_add(1, std::memory_order_release);
      asked.notify_one();
    }

    // Whether the caller of this is the one to do what was asked for the `call`-th time.
    bool take(std::uint32_t call) {
      std::uint32_t before = call - 1;
      return taken.compare_exchange_strong(before, call, std::memory_order_relaxed);
    }
  };

  // Moves this thread to a core of its own, which the system may change later. Where idle cores of a virtual machine look
  // busy, it starts and wakes a thread on the core of whoever asks.
  void spread(std::size_t worker, int core_of_caller) const {
    std::vector<int> others;
    for (int core = 0; core < CPU_SETSIZE; ++core)
      if (core != core_of_caller && CPU_ISSET(core, &cores_)) others.push_back(core);
    if (others.empty()) return;
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(others[(worker - 1) % others.size()], &own);
    sched_setaffinity(0, sizeof own, &own);
    sched_setaffinity(0, sizeof cores_, &cores_);
  }

  void serve(Member& own, std::size_t worker) {
    for (std::uint32_t asked = 0;;) {
      asked = await_change(own.asked, asked);
      if (!own.take(asked)) continue;
      if (own.job == nullptr) return;
      own.job->run(worker);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    }
  }

  cpu_set_t cores_;
  pid_t process_;
  std::vector<std::unique_ptr<Member>> members_;
  std::atomic<std::uint32_t> left_ = 0;  // members that have not done their part of the job
};

// The crews of one thread: a call from within a body has one of its own.
class Crews {
 public:
  Crews() = default;
  Crews(const Crews&) = delete;
  Crews& operator=(const Crews&) = delete;
  ~Crews() { leave_those_of_another_process(); }

  void run(Job& job) {
    leave_those_of_another_process();
    if (depth_ == crews_.size()) crews_.emplace_back();
    const cpu_set_t cores = cores_of_this_thread();
    std::unique_ptr<Crew>& crew = crews_[depth_];
    if (!crew || !crew->may_use(cores)) crew = std::make_unique<Crew>(cores);
    Crew& own = *crew;
    own.grow_to(job.workers);
    ++depth_;
    own.run(job);
    --depth_;
  }

 private:
  // In a fork, where there is nobody to join, they stay where they lie.
  void leave_those_of_another_process() {
    for (std::unique_ptr<Crew>& crew : crews_)
      if (crew && !crew->is_of(getpid())) static_cast<void>(crew.release());
  }

  std::vector<std::unique_ptr<Crew>> crews_;  // by depth
  std::size_t depth_ = 0;                     // calls that this thread is in
};

}  // namespace

int available_cores() {
  const cpu_set_t cores = cores_of_this_thread();
  return std::max(1, CPU_COUNT(&cores));
}

void parallel_for(std::size_t count, int threads, const Body& body) {
  if (count == 0) return;
  const std::size_t workers = std::min<std::size_t>(count, threads > 0 ? threads : available_cores());
  if (workers == 1) return body(0, count);
  Job job{body, count, workers};
  thread_local Crews crews;
  crews.run(job);
  if (job.first) std::rethrow_exception(job.first);
}

}  // namespace quorate
