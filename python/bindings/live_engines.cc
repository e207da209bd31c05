#include "live_engines.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "bindings.h"

namespace quorate::python {
namespace {

struct Held {
  std::weak_ptr<Engine> engine;
  pid_t process = 0;
};

struct HeldEngines {
  const pid_t process = ::getpid();
  std::mutex mutex;  // of all below
  std::condition_variable removed;
  std::uint64_t next = 0;
  std::map<std::uint64_t, Held> engines;
} held;

void remove(std::uint64_t number) {
  const std::lock_guard lock(held.mutex);
  held.engines.erase(number);
  held.removed.notify_all();
}

}  // namespace

std::shared_ptr<Engine> hold_engine(std::unique_ptr<Engine> made) {
  std::unique_lock lock(held.mutex);
  const std::uint64_t number = held.next++;
  lock.unlock();
  // Whoever lets go of it last may have the GIL or not.
  std::shared_ptr<Engine> engine(made.release(), [number](Engine* last) {
    if (PyGILState_Check() == 0) {
      delete last;
    } else {
      const py::gil_scoped_release without;
      delete last;
    }
    remove(number);
  });
  lock.lock();
  held.engines[number] = {engine, ::getpid()};
  return engine;
}

void close_held_engines() {
  std::unique_lock lock(held.mutex);
  std::vector<std::shared_ptr<Engine>> open;
  for (const auto& [number, each] : held.engines)
    if (each.process == ::getpid()) open.push_back(each.engine.lock());
  lock.unlock();
  for (const auto& engine : open)
    if (engine) engine->close();
  open.clear();
  lock.lock();
  held.removed.wait(lock, [] {
    return std::ranges::none_of(
        held.engines, [](const auto& entry) { return entry.second.process == ::getpid() && entry.second.engine.expired(); });
  });
  if (::getpid() != held.process) return;
  constexpr int kMost_ms = 10'000;
  for (int waited = 0; waited < kMost_ms && Engine::threads() > 0; ++waited)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace quorate::python
