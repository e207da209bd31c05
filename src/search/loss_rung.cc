#include "search/loss_rung.h"

#include <algorithm>
#include <cmath>

namespace quorate {

void LossRung::move_up(const Entry& entry) {
  places_[entry.place] |= kBest;
  best_.push(entry);
  ++best_count_;
  if (!(places_[entry.place] & kTaken)) ready_.push(entry);
}

// Brings as many of the rest up as the quota has room for.
void LossRung::fill() {
  while (best_count_ < quota() && !rest_.empty()) {
    const Entry next = rest_.top();
    rest_.pop();
    if (!(places_[next.place] & kRemoved)) move_up(next);
  }
}

Rung::Place LossRung::add(std::span<const double> losses, std::int64_t trial) {
  const double loss = losses[0];
  const Entry entry{loss, static_cast<std::uint32_t>(trial), static_cast<Place>(places_.size())};
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

bool LossRung::any_untaken() {
  while (!ready_.empty() && (places_[ready_.top().place] & (kBest | kTaken)) != kBest) ready_.pop();
  return !ready_.empty();
}

std::optional<std::int64_t> LossRung::take_best() {
  if (!any_untaken()) return std::nullopt;
  const Entry entry = ready_.top();
  ready_.pop();
  places_[entry.place] |= kTaken;
  return entry.trial;
}

void LossRung::erase(Place place) {
  if (places_[place] & kRemoved) return;
  if (places_[place] & kBest) --best_count_;
  places_[place] = kRemoved;
  fill();
}

std::vector<std::int64_t> LossRung::ranking() const {
  std::vector<Entry> entries;
  for (const auto* heap : {&best_.entries(), &rest_.entries()})
    for (const Entry& entry : *heap)
      if (!(places_[entry.place] & kRemoved)) entries.push_back(entry);
  std::sort(entries.begin(), entries.end(), Better());
  std::vector<std::int64_t> trials;
  for (const Entry& entry : entries) trials.push_back(entry.trial);
  return trials;
}

}  // namespace quorate
