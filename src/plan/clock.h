// When planning has to end. The only place of the planner that reads a clock.
#pragma once

#include <chrono>

namespace quorate {

class Clock {
 public:
  explicit Clock(double limit_s) : limit_s_(limit_s) {}
  bool over() const { return spent_s() >= limit_s_; }
  double left_s() const { return limit_s_ - spent_s(); }

 private:
  double spent_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_s_;
};

}  // namespace quorate
