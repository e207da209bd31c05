// What stands behind a Pending: the request that Flow moves along, and where its caller waits.
#pragma once

#include <condition_variable>
#include <mutex>

#include "infer/flow.h"
#include "quorate/infer/engine.h"

namespace quorate {

struct Pending::State : Request {
  std::shared_ptr<const void> owner;  // of the input
  std::mutex mutex;
  std::condition_variable changed;
  bool settled = false;

  // Called once, by the lane (or the closing thread) that settled it, outside of the engine's lock: letting go of the input
  // may run the caller's code.
  void settle() {
    owner.reset();
    {
      const std::lock_guard lock(mutex);
      settled = true;
    }
    changed.notify_all();
  }
};

}  // namespace quorate
