// Asynchronous Hyperband the slow, obvious way: every rung is a list that is sorted anew for each question.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace quorate::oracle {

class Hyperband {
 public:
  struct Job {
    std::int64_t trial = 0;
    int bracket = 0;
    int rung = 0;
    int attempt = 1;
  };

  Hyperband(std::vector<std::int64_t> rungs, std::int64_t eta_thousandths, bool stop)
      : rungs_(std::move(rungs)),
        eta_thousandths_(eta_thousandths),
        stop_(stop),
        losses_(rungs_.size(), std::vector<List>(rungs_.size())) {}

  // `bracket`: of the trial, where a new one is made.
  Job ask(int bracket) {
    if (auto job = resume()) return *job;
    Trial trial;
    trial.job = {static_cast<std::int64_t>(trials_.size()), bracket, stop_ ? top() : bracket, 1};
    trials_.push_back(trial);
    return trial.job;
  }

  std::optional<Job> resume() {
    if (!retries_.empty()) {
      Trial& trial = trials_[static_cast<std::size_t>(retries_.front())];
      retries_.pop_front();
      ++trial.job.attempt;
      return trial.job;
    }
    if (stop_) return std::nullopt;
    for (int rung = top() - 1; rung >= 0; --rung)
      for (int bracket = 0; bracket <= rung; ++bracket)
        for (const std::int64_t number : best(bracket, rung)) {
          Trial& trial = trials_[static_cast<std::size_t>(number)];
          if (trial.running || trial.highest != rung) continue;  // promoted already
          trial.job = {number, bracket, rung + 1, 1};
          trial.running = true;
          return trial.job;
        }
    return std::nullopt;
  }

  bool report(const Job& job, std::int64_t resource, double loss) {
    Trial& trial = trials_[static_cast<std::size_t>(job.trial)];
    for (int rung = job.bracket; rung <= top(); ++rung) {
      if (at(rung) != resource || rung <= trial.highest) continue;
      losses_[static_cast<std::size_t>(job.bracket)][static_cast<std::size_t>(rung)].push_back({loss, job.trial});
      trial.highest = rung;
      const auto going_on = best(job.bracket, rung);
      const bool among = std::find(going_on.begin(), going_on.end(), job.trial) != going_on.end();
      if (rung == top() || !stop_ || !among) trial.running = false;
    }
    return trial.running;
  }

  void fail(const Job& job, bool retry) {
    Trial& trial = trials_[static_cast<std::size_t>(job.trial)];
    if (retry) {
      retries_.push_back(job.trial);
      return;
    }
    trial.running = false;
    trial.failed = true;
  }

 private:
  struct Trial {
    Job job;
    int highest = -1;  // rung with a loss
    bool running = true;
    bool failed = false;
  };
  struct Loss {
    double loss = 0.0;
    std::int64_t trial = 0;
  };
  using List = std::vector<Loss>;

  // Those who may go on from the rung, best first.
  std::vector<std::int64_t> best(int bracket, int rung) const {
    List list = losses_[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(rung)];
    auto quota = static_cast<std::size_t>(static_cast<std::int64_t>(list.size()) * 1000 / eta_thousandths_);
    if (stop_) quota = std::max<std::size_t>(quota, 1);
    std::erase_if(list, [&](const Loss& entry) {
      const Trial& trial = trials_[static_cast<std::size_t>(entry.trial)];
      return !std::isfinite(entry.loss) || (trial.failed && trial.highest == rung);
    });
    std::sort(list.begin(), list.end(),
              [](const Loss& a, const Loss& b) { return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial; });
    list.resize(std::min(list.size(), quota));
    std::vector<std::int64_t> trials;
    for (const Loss& entry : list) trials.push_back(entry.trial);
    return trials;
  }

  int top() const { return static_cast<int>(rungs_.size()) - 1; }
  std::int64_t at(int rung) const { return rungs_[static_cast<std::size_t>(rung)]; }

  std::vector<std::int64_t> rungs_;
  std::int64_t eta_thousandths_;
  bool stop_;
  std::vector<std::vector<List>> losses_;  // [brackets][rungs]
  std::vector<Trial> trials_;
  std::deque<std::int64_t> retries_;
};

}  // namespace quorate::oracle
