// Asynchronous Hyperband the slow, obvious way: every rung is a list that is sorted anew for each question.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "oracle/pareto.h"
#include "quorate/search/async_hyperband.h"

namespace quorate::oracle {

class Hyperband {
 public:
  struct Job {
    std::int64_t trial = 0;
    int bracket = 0;
    int rung = 0;
    int attempt = 1;
  };

  Hyperband(std::vector<std::int64_t> rungs, std::int64_t eta_thousandths, Mode mode)
      : rungs_(std::move(rungs)),
        eta_thousandths_(eta_thousandths),
        stop_(mode == Mode::kStop),
        delay_(mode == Mode::kDelay),
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
          if (delay_ && gone_on(bracket, rung) >= quota(bracket, rung)) break;
          Trial& trial = trials_[static_cast<std::size_t>(number)];
          if (trial.running || trial.highest != rung) continue;  // promoted already
          trial.job = {number, bracket, rung + 1, 1};
          trial.running = true;
          return trial.job;
        }
    return std::nullopt;
  }

  // `losses` [objectives].
  bool report(const Job& job, std::int64_t resource, const std::vector<double>& losses) {
    Trial& trial = trials_[static_cast<std::size_t>(job.trial)];
    for (int rung = job.bracket; rung <= top(); ++rung) {
      if (at(rung) != resource || rung <= trial.highest) continue;
      losses_[static_cast<std::size_t>(job.bracket)][static_cast<std::size_t>(rung)].push_back({losses, job.trial});
      trial.highest = rung;
      const auto going_on = best(job.bracket, rung);
      const bool among = std::find(going_on.begin(), going_on.end(), job.trial) != going_on.end();
      if (rung == top() || !stop_ || !among) trial.running = false;
    }
    return trial.running;
  }

  // See AsyncHyperband::least_promising.
  std::vector<std::int64_t> least_promising() const {
    std::vector<std::pair<double, std::int64_t>> shares;
    for (const Trial& trial : trials_) {
      if (trial.running) continue;
      const bool paused = !stop_ && !trial.failed && trial.highest != top();
      shares.emplace_back(paused ? -share_ahead(trial) : -2.0, -trial.job.trial);
    }
    std::sort(shares.begin(), shares.end());
    std::vector<std::int64_t> result;
    for (const auto& [share, trial] : shares) result.push_back(-trial);
    return result;
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
  using List = std::vector<Measured>;

  // Those who rank at the rung at all.
  List ranked(int bracket, int rung) const {
    List list = losses_[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(rung)];
    std::erase_if(list, [&](const Measured& one) {
      const Trial& trial = trials_[static_cast<std::size_t>(one.trial)];
      const bool finite = std::all_of(one.losses.begin(), one.losses.end(), [](double loss) { return std::isfinite(loss); });
      return !finite || (trial.failed && trial.highest == rung);
    });
    return list;
  }

  std::size_t quota(int bracket, int rung) const {
    const auto size = losses_[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(rung)].size();
    const auto share = static_cast<std::size_t>(static_cast<std::int64_t>(size) * 1000 / eta_thousandths_);
    return stop_ ? std::max<std::size_t>(share, 1) : share;
  }

  // Of those measured there: who was handed a job beyond, and has not failed before the next rung.
  std::size_t gone_on(int bracket, int rung) const {
    std::size_t count = 0;
    for (const Measured& one : losses_[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(rung)]) {
      const Trial& trial = trials_[static_cast<std::size_t>(one.trial)];
      count += trial.highest > rung || (trial.job.rung > rung && !trial.failed);
    }
    return count;
  }

  // Those who may go on from the rung, best first.
  std::vector<std::int64_t> best(int bracket, int rung) const {
    const std::size_t quota = this->quota(bracket, rung);
    List list = ranked(bracket, rung);
    if (!list.empty() && list.front().losses.size() > 1) return oracle::best(list, quota);
    sort_by_loss(list);
    list.resize(std::min(list.size(), quota));
    std::vector<std::int64_t> trials;
    for (const Measured& one : list) trials.push_back(one.trial);
    return trials;
  }

  static void sort_by_loss(List& list) {
    std::sort(list.begin(), list.end(), [](const Measured& a, const Measured& b) {
      return a.losses != b.losses ? a.losses < b.losses : a.trial < b.trial;
    });
  }

  double share_ahead(const Trial& trial) const {
    const int bracket = trial.job.bracket;
    const auto size = losses_[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(trial.highest)].size();
    List list = ranked(bracket, trial.highest);
    std::vector<std::int64_t> order;
    if (!list.empty() && list.front().losses.size() > 1) {
      for (const auto& front : fronts(list))
        for (const Measured& one : front) order.push_back(one.trial);
    } else {
      sort_by_loss(list);
      for (const Measured& one : list) order.push_back(one.trial);
    }
    const auto at = std::find(order.begin(), order.end(), trial.job.trial);
    return at == order.end() ? 1.0 : static_cast<double>(at - order.begin()) / static_cast<double>(size);
  }

  int top() const { return static_cast<int>(rungs_.size()) - 1; }
  std::int64_t at(int rung) const { return rungs_[static_cast<std::size_t>(rung)]; }

  std::vector<std::int64_t> rungs_;
  std::int64_t eta_thousandths_;
  bool stop_, delay_;
  std::vector<std::vector<List>> losses_;  // [brackets][rungs]
  std::vector<Trial> trials_;
  std::deque<std::int64_t> retries_;
};

}  // namespace quorate::oracle
