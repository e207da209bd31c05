// The losses that were measured at one rung of one bracket, ranked as they come in.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "quorate/search/brackets.h"

namespace quorate {

// Holds a quota of the best: floor(n / eta) of the n losses so far, but at least `least`. Lower losses are better, ties go
// to the earlier trial. Losses that are not finite count in n and are never among the best. O(log n) amortised a call: the
// best lie in a heap with the worst of them on top, the rest in a heap with the best of them on top, and the best that were
// not yet taken in a third. Places that changed sides or were removed stay in the heaps until they come up.
class Rung {
 public:
  using Place = std::size_t;  // in order of arrival

  Rung(const ReductionFactor& eta, std::int64_t least) : eta_(eta), least_(least) {}

  Place add(double loss, std::int64_t trial);
  bool among_best(Place place) const { return places_[place] & kBest; }

  // The trial of the best place among the best that was not yet taken, which it now is; nullopt where there is none.
  std::optional<std::int64_t> take();

  // From now on the place ranks behind all others, as if its loss were infinite: the next best moves up.
  void remove(Place place);

  std::int64_t size() const { return static_cast<std::int64_t>(places_.size()); }

 private:
  struct Entry {
    double loss;
    std::int64_t trial;
    Place place;
  };
  struct Better {
    bool operator()(const Entry& a, const Entry& b) const { return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial; }
  };
  struct Worse {
    bool operator()(const Entry& a, const Entry& b) const { return Better()(b, a); }
  };
  enum : unsigned char { kBest = 1, kTaken = 2, kRemoved = 4 };

  void move_up(const Entry& entry);
  void fill();

  ReductionFactor eta_;
  std::int64_t least_;
  std::int64_t best_count_ = 0;  // without those removed
  std::vector<unsigned char> places_;
  std::priority_queue<Entry, std::vector<Entry>, Better> best_;  // its top is the worst
  std::priority_queue<Entry, std::vector<Entry>, Worse> rest_;   // its top is the best
  std::priority_queue<Entry, std::vector<Entry>, Worse> ready_;
};

}  // namespace quorate
