// What was measured at one rung of one bracket, ranked as it comes in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "quorate/search/async_hyperband.h"
#include "quorate/search/brackets.h"

namespace quorate {

// Holds a quota of the best: floor(n / eta) of the n trials measured so far, in mode kStop at least one. A trial with a loss
// that is not finite counts in n, ranks behind all that are finite and is never among the best. In mode kDelay no more than
// the quota are taken in all. Two kinds: LossRung for one loss, ParetoRung for several.
class Rung {
 public:
  using Place = std::uint32_t;  // in order of arrival

  Rung(const ReductionFactor& eta, Mode mode) : eta_(eta), mode_(mode) {}
  virtual ~Rung() = default;
  Rung(const Rung&) = delete;
  Rung& operator=(const Rung&) = delete;

  // `losses` [objectives]; a trial is added once.
  virtual Place add(std::span<const double> losses, std::int64_t trial) = 0;
  virtual bool among_best(Place place) = 0;

  // Whether take() would give one.
  bool ready() { return !full() && any_untaken(); }

  // The trial of the best place among the best that was not yet taken, which it now is; nullopt where there is none, and
  // then there is none before the next add() or remove().
  std::optional<std::int64_t> take() {
    if (full()) return std::nullopt;
    const auto trial = take_best();
    taken_ += trial.has_value();
    return trial;
  }

  // From now on the place, once taken, ranks as if its loss were infinite: the next best moves up.
  void remove(Place place) {
    --taken_;
    erase(place);
  }

  // The trials with finite losses that were not removed, best first.
  virtual std::vector<std::int64_t> ranking() const = 0;

  virtual std::int64_t size() const = 0;  // n

 protected:
  std::int64_t quota() const { return std::max<std::int64_t>(mode_ == Mode::kStop ? 1 : 0, eta_.divide(size())); }

 private:
  virtual bool any_untaken() = 0;  // among the best
  virtual std::optional<std::int64_t> take_best() = 0;
  virtual void erase(Place place) = 0;
  bool full() const { return mode_ == Mode::kDelay && taken_ >= quota(); }

  ReductionFactor eta_;
  Mode mode_;
  std::int64_t taken_ = 0;  // and not removed
};

// For losses of this many objectives each.
std::unique_ptr<Rung> make_rung(int objectives, const ReductionFactor& eta, Mode mode);

}  // namespace quorate
