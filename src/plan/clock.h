// When planning has to end. The only place of the planner that reads a clock.
#pragma once

#include <chrono>

namespace quorate {

class Clock {
 public:
  explicit Clock(double limit_s) : limit_s_(limit_s) {}
  bool over() const { return spent_s() >= limit_s_; }
  double spent_s() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  double limit_s() const { return limit_s_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_s_;
};

}  // namespace quorate
