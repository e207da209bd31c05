// Who may go on, from the rules in words: every rung is a list that is sorted anew for each question.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "oracle/pareto.h"

namespace quorate::simulation {

class Rungs {
 public:
  Rungs(std::vector<std::int64_t> resources, std::int64_t eta_thousandths, Mode mode)
      : resources_(std::move(resources)),
        eta_thousandths_(eta_thousandths),
        mode_(mode),
        lists_(resources_.size() * resources_.size()) {}

  int top() const { return static_cast<int>(resources_.size()) - 1; }
  std::int64_t resource(int rung) const { return resources_[static_cast<std::size_t>(rung)]; }

  // The rung of the bracket at exactly this resource; -1: none.
  int at_resource(int bracket, std::int64_t resource) const {
    for (int rung = bracket; rung <= top(); ++rung)
      if (this->resource(rung) == resource) return rung;
    return -1;
  }

  void add(int bracket, int rung, std::int64_t trial, const std::vector<double>& losses) {
    list(bracket, rung).push_back({losses, trial, false, false});
  }
  void promoted(int bracket, int rung, std::int64_t trial) { find(bracket, rung, trial).promoted = true; }
  void failed(int bracket, int rung, std::int64_t trial) { find(bracket, rung, trial).failed = true; }

  bool may_go_on(int bracket, int rung, std::int64_t trial) const {
    const auto best = this->best(bracket, rung);
    return std::find(best.begin(), best.end(), trial) != best.end();
  }

  // The trial that is promoted next, and the rung that it leaves.
  struct Promotion {
    std::int64_t trial = 0;
    int rung = 0;
  };
  std::optional<Promotion> next() const {
    if (mode_ == Mode::kStop) return std::nullopt;
    for (int rung = top() - 1; rung >= 0; --rung)
      for (int bracket = 0; bracket <= rung; ++bracket) {
        if (mode_ == Mode::kDelay && gone_on(bracket, rung) >= quota(bracket, rung)) continue;
        for (const std::int64_t trial : best(bracket, rung))
          if (!find(bracket, rung, trial).promoted) return Promotion{trial, rung};
      }
    return std::nullopt;
  }

 private:
  struct Entry {
    std::vector<double> losses;
    std::int64_t trial;
    bool promoted;
    bool failed;  // after it came here and before it came further
  };
  using List = std::vector<Entry>;

  // floor(n / eta) of all n, in mode kStop at least one.
  std::size_t quota(int bracket, int rung) const {
    const auto size = static_cast<std::int64_t>(lists_[index(bracket, rung)].size());
    const auto share = static_cast<std::size_t>(size * 1000 / eta_thousandths_);
    return mode_ == Mode::kStop && share == 0 ? 1 : share;
  }

  std::size_t gone_on(int bracket, int rung) const {
    const List& list = lists_[index(bracket, rung)];
    return static_cast<std::size_t>(
        std::count_if(list.begin(), list.end(), [](const Entry& entry) { return entry.promoted && !entry.failed; }));
  }

  // Those who may go on, the best first.
  std::vector<std::int64_t> best(int bracket, int rung) const {
    const List& list = lists_[index(bracket, rung)];
    const std::size_t quota = this->quota(bracket, rung);
    if (quota == 0) return {};
    std::vector<oracle::Measured> ranked;
    for (const Entry& entry : list)
      if (!entry.failed && std::all_of(entry.losses.begin(), entry.losses.end(), [](double l) { return std::isfinite(l); }))
        ranked.push_back({entry.losses, entry.trial});
    if (!ranked.empty() && ranked.front().losses.size() > 1) return oracle::best(ranked, quota);
    std::sort(ranked.begin(), ranked.end(), [](const oracle::Measured& a, const oracle::Measured& b) {
      return a.losses[0] != b.losses[0] ? a.losses[0] < b.losses[0] : a.trial < b.trial;
    });
    std::vector<std::int64_t> trials;
    for (const oracle::Measured& one : ranked)
      if (trials.size() < quota) trials.push_back(one.trial);
    return trials;
  }

  std::size_t index(int bracket, int rung) const {
    return static_cast<std::size_t>(bracket) * resources_.size() + static_cast<std::size_t>(rung);
  }
  List& list(int bracket, int rung) { return lists_[index(bracket, rung)]; }
  const Entry& find(int bracket, int rung, std::int64_t trial) const {
    const List& entries = lists_[index(bracket, rung)];
    return *std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.trial == trial; });
  }
  Entry& find(int bracket, int rung, std::int64_t trial) {
    return const_cast<Entry&>(std::as_const(*this).find(bracket, rung, trial));
  }

  std::vector<std::int64_t> resources_;
  std::int64_t eta_thousandths_;
  Mode mode_;
  std::vector<List> lists_;  // [brackets x rungs]
};

}  // namespace quorate::simulation
