// Looking for a while before sleeping: a thread that sleeps is up again only after some ten microseconds.
#pragma once

#include <chrono>
#include <thread>

namespace quorate {

// True as soon as `ready()` is, false after `most_s`. Other threads that want the core get it.
template <class Ready>
bool spin_until(const Ready& ready, double most_s) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  while (!ready()) {
    if (std::chrono::duration<double>(Clock::now() - begin).count() >= most_s) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace quorate
