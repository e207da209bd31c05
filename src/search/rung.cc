#include "search/rung.h"

#include <algorithm>
#include <cmath>

namespace quorate {

void Rung::move_up(const Entry& entry) {
  places_[entry.place] |= kBest;
  best_.push(entry);
  ++best_count_;
  if (!(places_[entry.place] & kTaken)) ready_.push(entry);
}

// Brings as many of the rest up as the quota has room for.
void Rung::fill() {
  const std::int64_t quota = std::max(least_, eta_.divide(size()));
  while (best_count_ < quota && !rest_.empty()) {
    const Entry next = rest_.top();
    rest_.pop();
    if (!(places_[next.place] & kRemoved)) move_up(next);
  }
}

Rung::Place Rung::add(double loss, std::int64_t trial) {
  const Entry entry{loss, trial, places_.size()};
  places_.push_back(0);
  if (std::isfinite(loss)) {
    while (!best_.empty() && (places_[best_.top().place] & kRemoved)) best_.pop();
    if (!best_.empty() && Better()(entry, best_.top())) {
      const Entry worst = best_.top();
      best_.pop();
      --best_count_;
      places_[worst.place] &= static_cast<unsigned char>(~kBest);
      rest_.push(worst);
      move_up(entry);
    } else {
      rest_.push(entry);
    }
  }
  fill();
  return entry.place;
}

std::optional<std::int64_t> Rung::take() {
  while (!ready_.empty()) {
    const Entry entry = ready_.top();
    ready_.pop();
    if ((places_[entry.place] & (kBest | kTaken)) != kBest) continue;
    places_[entry.place] |= kTaken;
    return entry.trial;
  }
  return std::nullopt;
}

void Rung::remove(Place place) {
  if (places_[place] & kRemoved) return;
  if (places_[place] & kBest) --best_count_;
  places_[place] = kRemoved;
  fill();
}

}  // namespace quorate
