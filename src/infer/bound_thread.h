// A thread that is bound to a device and does what its owner asks, so that the owner's keeps its cores and its number of
// threads.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "quorate/core/device.h"

namespace quorate {

class BoundThread {
 public:
  // Throws DeviceError where the device cannot be used.
  explicit BoundThread(const Device& device);
  ~BoundThread();
  BoundThread(const BoundThread&) = delete;
  BoundThread& operator=(const BoundThread&) = delete;

  // Runs `body` there and waits for it; throws what it throws. One caller at a time.
  void run(const std::function<void()>& body);

 private:
  void work();
  void end();

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* body_ = nullptr;  // null: nothing is asked
  std::exception_ptr failure_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace quorate
