#include "route/boxes_table.h"

#include <algorithm>

namespace quorate {

BoxTable::BoxTable(const FoundFront& front, std::size_t samples) : entries_(samples + 1) {
  for (const Found& found : front) entries_[found.errors] = {found.cost, true, {}};
  update_limit();
}

void BoxTable::update_limit() {
  limit_.resize(entries_.size());
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t errors = 0; errors < entries_.size(); ++errors)
    limit_[errors] = least = std::min(least, entries_[errors].cost);
}

void BoxTable::offer(std::size_t errors, double cost, const BoxCascade& cascade) {
  Entry& entry = entries_[errors];
  if (cost > entry.cost) return;
  if (cost == entry.cost && (entry.from_front || !cascade.before(entry.cascade))) return;
  entry = {cost, false, cascade};
}

void BoxTable::merge(const BoxTable& other) {
  for (std::size_t errors = 0; errors < entries_.size(); ++errors)
    if (const Entry& entry = other.entries_[errors];
        !entry.from_front && entry.cost < std::numeric_limits<double>::infinity())
      offer(errors, entry.cost, entry.cascade);
}

FoundFront BoxTable::front(const FoundFront& start, std::size_t depth) const {
  std::vector<Found> points(start.begin(), start.end());
  const auto samples = static_cast<double>(entries_.size() - 1);
  for (std::size_t errors = 0; errors < entries_.size(); ++errors) {
    const Entry& entry = entries_[errors];
    if (entry.from_front || entry.cost == std::numeric_limits<double>::infinity()) continue;
    const auto tiers = static_cast<std::ptrdiff_t>(depth);
    points.push_back({.tiers = {entry.cascade.tiers.begin(), entry.cascade.tiers.begin() + tiers},
                      .thresholds = {entry.cascade.thresholds.begin(), entry.cascade.thresholds.begin() + tiers - 1},
                      .errors = errors,
                      .loss = static_cast<double>(errors) / samples,
                      .cost = entry.cost});
  }
  return FoundFront(std::move(points));
}

}  // namespace quorate
