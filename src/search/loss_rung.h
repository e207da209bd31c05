// A rung where one loss decides.
#pragma once

#include <queue>

#include "search/rung.h"

namespace quorate {

// Lower losses are better, ties go to the earlier trial. O(log n) amortised a call, ranking() O(n log n): the best lie in a
// heap with the worst of them on top, the rest in a heap with the best of them on top, and the best that were not yet taken
// in a third. Places that changed sides or were removed stay in the heaps until they come up.
class LossRung final : public Rung {
 public:
  using Rung::Rung;

  Place add(std::span<const double> losses, std::int64_t trial) override;
  bool among_best(Place place) override { return places_[place] & kBest; }
  std::vector<std::int64_t> ranking() const override;
  std::int64_t size() const override { return static_cast<std::int64_t>(places_.size()); }

 private:
  bool any_untaken() override;
  std::optional<std::int64_t> take_best() override;
  void erase(Place place) override;

  struct Entry {
    double loss;
    std::uint32_t trial;
    Place place;
  };
  struct Better {
    bool operator()(const Entry& a, const Entry& b) const { return a.loss != b.loss ? a.loss < b.loss : a.trial < b.trial; }
  };
  struct Worse {
    bool operator()(const Entry& a, const Entry& b) const { return Better()(b, a); }
  };
  template <class First>
  struct Heap : std::priority_queue<Entry, std::vector<Entry>, First> {
    const std::vector<Entry>& entries() const { return this->c; }
  };
  enum : unsigned char { kBest = 1, kTaken = 2, kRemoved = 4 };

  void move_up(const Entry& entry);
  void fill();

  std::int64_t best_count_ = 0;  // without those removed
  std::vector<unsigned char> places_;
  Heap<Better> best_;  // its top is the worst
  Heap<Worse> rest_;   // its top is the best
  Heap<Worse> ready_;
};

}  // namespace quorate
