// What stands behind a Pending: the request that Flow moves along, and where its caller waits.
#pragma once

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "infer/request.h"
#include "quorate/infer/engine.h"

namespace quorate {

struct Pending::State : Request {
  std::shared_ptr<const void> owner;    // of the input
  std::weak_ptr<Engine::State> engine;  // for cancelling
  double submitted_s = 0.0;             // on the engine's clock
  const pid_t process = ::getpid();
  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<bool> told = false;  // set with the mutex held; what it says may be read without

  // Called once, outside of the engine's lock.
  void tell() {
    {
      const std::lock_guard lock(mutex);
      told = true;
    }
    changed.notify_all();
  }
};

}  // namespace quorate
