#include "infer/bound_thread.h"

#include <utility>

#include "infer/thread_binding.h"

namespace quorate {

BoundThread::BoundThread(const Device& device) {
  thread_ = std::thread([this] { work(); });
  try {
    run([&] { bind_this_thread(device); });
  } catch (...) {
    end();
    throw;
  }
}

BoundThread::~BoundThread() { end(); }

void BoundThread::end() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BoundThread::run(const std::function<void()>& body) {
  std::unique_lock lock(mutex_);
  body_ = &body;
  changed_.notify_all();
  changed_.wait(lock, [&] { return body_ == nullptr; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void BoundThread::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return over_ || body_ != nullptr; });
    if (over_) return;
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*body_)();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = std::exchange(failure, nullptr);
    body_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace quorate
