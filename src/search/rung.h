// What was measured at one rung of one bracket, ranked as it comes in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "quorate/search/brackets.h"

namespace quorate {

// Holds a quota of the best: floor(n / eta) of the n trials measured so far, but at least `least`. A trial with a loss that
// is not finite counts in n, ranks behind all that are finite and is never among the best. Two kinds: LossRung for one loss,
// ParetoRung for several.
class Rung {
 public:
  using Place = std::uint32_t;  // in order of arrival

  Rung(const ReductionFactor& eta, std::int64_t least) : eta_(eta), least_(least) {}
  virtual ~Rung() = default;
  Rung(const Rung&) = delete;
  Rung& operator=(const Rung&) = delete;

  // `losses` [objectives]; a trial is added once.
  virtual Place add(std::span<const double> losses, std::int64_t trial) = 0;
  virtual bool among_best(Place place) = 0;

  // Whether take() would give one.
  virtual bool ready() = 0;

  // The trial of the best place among the best that was not yet taken, which it now is; nullopt where there is none, and
  // then there is none before the next add() or remove().
  virtual std::optional<std::int64_t> take() = 0;

  // From now on the place ranks as if its loss were infinite: the next best moves up.
  virtual void remove(Place place) = 0;

  // The trials with finite losses that were not removed, best first.
  virtual std::vector<std::int64_t> ranking() const = 0;

  virtual std::int64_t size() const = 0;  // n

 protected:
  std::int64_t quota() const { return std::max(least_, eta_.divide(size())); }

 private:
  ReductionFactor eta_;
  std::int64_t least_;
};

// For losses of this many objectives each.
std::unique_ptr<Rung> make_rung(int objectives, const ReductionFactor& eta, std::int64_t least);

}  // namespace quorate
