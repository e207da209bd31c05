#include "infer/pending.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/message.h"
#include "infer/engine_state.h"
#include "infer/spin.h"

namespace quorate {

bool Pending::done() const { return state_->told; }

bool Pending::wait(double timeout_s) const {
  // Longer than a year is for ever: the clock's own range ends somewhere.
  constexpr double kForEver_s = 3e7;
  require(!std::isnan(timeout_s), "timeout_s is ", timeout_s, ", but must be a number");
  if (state_->told) return true;
  if (::getpid() != state_->process)
    throw Error(message("this answer was asked for in process ", state_->process, " and will not come in its fork, process ",
                        ::getpid()));
  if (const auto engine = state_->engine.lock();
      engine && spin_until([&] { return state_->told.load(); }, std::min(timeout_s, engine->worth_looking_s())))
    return true;
  std::unique_lock lock(state_->mutex);
  const auto told = [&] { return state_->told.load(); };
  if (!(timeout_s < kForEver_s)) {
    state_->changed.wait(lock, told);
    return true;
  }
  return state_->changed.wait_for(lock, std::chrono::duration<double>(timeout_s), told);
}

std::size_t Pending::answered() const {
  const std::shared_ptr<Engine::State> engine = state_->told ? nullptr : state_->engine.lock();
  if (!engine) return state_->samples - state_->undecided;
  engine->require_own_process();
  const std::lock_guard lock(engine->mutex);
  return state_->samples - state_->undecided;
}

const Answer& Pending::get() const {
  wait(INFINITY);
  if (state_->failure) state_->failure->raise(state_->failure->words);
  return state_->answer;
}

bool Pending::cancel() const {
  const std::shared_ptr<Engine::State> engine = state_->engine.lock();
  return engine && engine->cancel(state_);
}

}  // namespace quorate
