#include "infer/pending.h"

#include <chrono>
#include <cmath>

#include "core/message.h"

namespace quorate {

bool Pending::done() const {
  const std::lock_guard lock(state_->mutex);
  return state_->settled;
}

bool Pending::wait(double timeout_s) const {
  // Longer than a year is for ever: the clock's own range ends somewhere.
  constexpr double kForEver_s = 3e7;
  require(!std::isnan(timeout_s), "timeout_s is ", timeout_s, ", but must be a number");
  std::unique_lock lock(state_->mutex);
  const auto settled = [&] { return state_->settled; };
  if (!(timeout_s < kForEver_s)) {
    state_->changed.wait(lock, settled);
    return true;
  }
  return state_->changed.wait_for(lock, std::chrono::duration<double>(timeout_s), settled);
}

const Answer& Pending::get() const {
  wait(INFINITY);
  if (state_->failure) std::rethrow_exception(state_->failure);
  return state_->answer;
}

}  // namespace quorate
