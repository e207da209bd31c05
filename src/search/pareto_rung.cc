#include "search/pareto_rung.h"

#include <algorithm>
#include <cmath>

#include "search/loss_rung.h"

namespace quorate {
namespace {

template <class Point>
std::size_t untaken_of(std::span<const Point> points) {
  return static_cast<std::size_t>(
      std::count_if(points.begin(), points.end(), [](const Point& point) { return !point.taken; }));
}

}  // namespace

template <class Front>
std::size_t ParetoRung<Front>::level_of(const Point& point) const {
  if (levels_.empty() || levels_.back().front.dominates(point)) return levels_.size();
  const auto found = std::partition_point(levels_.begin(), levels_.end() - 1,
                                          [&](const Level& level) { return level.front.dominates(point); });
  return static_cast<std::size_t>(found - levels_.begin());
}

// The points have come to a level (sign 1) or gone from it (-1).
template <class Front>
void ParetoRung<Front>::count(std::size_t level, std::span<const Point> points, int sign) {
  const std::size_t all = points.size() * static_cast<std::size_t>(sign);
  const std::size_t untaken = untaken_of(points) * static_cast<std::size_t>(sign);
  levels_[level].untaken += untaken;
  levels_[level].changed();
  held_ += all;
  if (level >= whole_) return;
  whole_points_ += all;
  whole_untaken_ += untaken;
}

template <class Front>
void ParetoRung<Front>::insert_level(std::size_t at, std::vector<Point> points) {
  levels_.insert(levels_.begin() + static_cast<std::ptrdiff_t>(at), Level{});
  if (at < whole_) ++whole_;
  count(at, points, 1);
  levels_[at].front = Front(std::move(points));
}

template <class Front>
void ParetoRung<Front>::erase_level(std::size_t at) {
  levels_.erase(levels_.begin() + static_cast<std::ptrdiff_t>(at));
  if (at < whole_) --whole_;
}

template <class Front>
void ParetoRung<Front>::push(std::size_t level, const Point& point) {
  std::vector<Point> arriving{point}, leaving;
  for (; level < levels_.size(); ++level) {
    Front& front = levels_[level].front;
    const std::size_t before = front.points().size();
    front.take_in(arriving, leaving);
    count(level, arriving, 1);
    count(level, leaving, -1);
    if (leaving.empty()) return;
    if (leaving.size() == before) return insert_level(level + 1, std::move(leaving));
    std::swap(arriving, leaving);
  }
  for (const Point& last : arriving) rest_.insert(last);
}

// The level has lost the point.
template <class Front>
void ParetoRung<Front>::close_gap(std::size_t level, const Point& point) {
  std::vector<Point> lost{point}, rising, none;
  for (;; ++level) {
    if (levels_[level].front.points().empty()) return erase_level(level);
    const bool last = level + 1 == levels_.size();
    const Front& front = levels_[level].front;
    if (last)
      rest_.give_up(front, lost, rising);
    else
      levels_[level + 1].front.give_up(front, lost, rising);
    if (rising.empty()) return;
    levels_[level].front.take_in(rising, none);
    count(level, rising, 1);
    if (last) return;
    count(level + 1, rising, -1);
    std::swap(lost, rising);
  }
}

// Holds as many fronts as the quota reaches into, and finds how many of them it covers.
template <class Front>
void ParetoRung<Front>::settle() {
  const auto most = static_cast<std::size_t>(quota());
  std::vector<Point> moved;
  while (held_ < most && rest_.size() > 0) {
    rest_.give_up_front(moved);
    insert_level(levels_.size(), moved);
  }
  const auto move_bound = [&](std::size_t level, int sign) {
    const std::size_t factor = static_cast<std::size_t>(sign);
    whole_ += factor;
    whole_points_ += levels_[level].front.points().size() * factor;
    whole_untaken_ += levels_[level].untaken * factor;
    levels_[level].changed();
  };
  while (whole_points_ > most) move_bound(whole_ - 1, -1);
  while (whole_ < levels_.size() && whole_points_ + levels_[whole_].front.points().size() <= most) move_bound(whole_, 1);
  // Not before there is much too much, so that a front that was let go is not wanted back at once.
  if (held_ < 2 * most + 64) return;
  while (held_ - levels_.back().front.points().size() >= most) {
    moved.assign(levels_.back().front.points().begin(), levels_.back().front.points().end());
    for (const Point& point : moved) rest_.insert(point);
    count(levels_.size() - 1, moved, -1);
    levels_.pop_back();
  }
}

template <class Front>
Rung::Place ParetoRung<Front>::add(std::span<const double> losses, std::int64_t trial) {
  const auto place = static_cast<Place>(places_.size());
  const Point point = store_.point(losses, trial);
  places_.push_back(point);
  ranked_.push_back(std::all_of(losses.begin(), losses.end(), [](double loss) { return std::isfinite(loss); }));
  if (ranked_.back()) {
    const std::size_t level = level_of(point);
    if (level == levels_.size())
      rest_.insert(point);
    else
      push(level, point);
  }
  settle();
  return place;
}

template <class Front>
void ParetoRung<Front>::erase(Place place) {
  if (!ranked_[place]) return;
  ranked_[place] = false;
  const Point& point = places_[place];
  const std::size_t level = level_of(point);
  if (level == levels_.size()) {
    rest_.erase(point);
  } else {
    const Point erased = levels_[level].front.erase(point);
    count(level, {&erased, 1}, -1);
    close_gap(level, erased);
  }
  settle();
}

template <class Front>
bool ParetoRung<Front>::among_best(Place place) {
  if (!ranked_[place]) return false;
  const std::size_t level = level_of(places_[place]);
  if (level != whole_ || level == levels_.size()) return level < whole_;
  const auto points = levels_[level].front.points();
  for (std::size_t rank = 0; rank < room(); ++rank)
    if (points[ranked_by_net(levels_[level], rank)].trial == places_[place].trial) return true;
  return false;
}

template <class Front>
std::size_t ParetoRung<Front>::ranked_by_net(Level& level, std::size_t rank) {
  if (!level.net) level.net = std::make_unique<typename Front::Net>(level.front.points());
  return level.net->at(rank);
}

template <class Front>
auto ParetoRung<Front>::next() -> std::optional<Found> {
  if (whole_untaken_ > 0) {
    std::size_t level = 0;
    while (levels_[level].untaken == 0) ++level;
    const auto points = levels_[level].front.points();
    const auto first = std::min_element(points.begin(), points.end(), [](const Point& a, const Point& b) {
      return a.taken != b.taken ? a.taken < b.taken : a.trial < b.trial;
    });
    return Found{level, static_cast<std::size_t>(first - points.begin())};
  }
  if (whole_ == levels_.size() || levels_[whole_].untaken == 0 || room() == 0) return std::nullopt;
  Level& level = levels_[whole_];
  for (; level.asked < room(); ++level.asked)
    if (const std::size_t index = ranked_by_net(level, level.asked); !level.front.points()[index].taken)
      return Found{whole_, index};
  return std::nullopt;
}

template <class Front>
std::optional<std::int64_t> ParetoRung<Front>::take_best() {
  const auto found = next();
  if (!found) return std::nullopt;
  Level& level = levels_[found->level];
  level.front.mark_taken(found->index);
  --level.untaken;
  if (found->level < whole_) --whole_untaken_;
  return static_cast<std::int64_t>(level.front.points()[found->index].trial);
}

template <class Front>
std::vector<std::int64_t> ParetoRung<Front>::ranking() const {
  std::vector<std::int64_t> trials;
  const auto append = [&](const Front& front) {
    const auto first = static_cast<std::ptrdiff_t>(trials.size());
    for (const Point& point : front.points()) trials.push_back(static_cast<std::int64_t>(point.trial));
    std::sort(trials.begin() + first, trials.end());
  };
  for (const Level& level : levels_) append(level.front);
  for (const Front& front : rest_.fronts()) append(front);
  return trials;
}

template class ParetoRung<Staircase>;
template class ParetoRung<ListedFront>;

std::unique_ptr<Rung> make_rung(int objectives, const ReductionFactor& eta, Mode mode) {
  if (objectives == 1) return std::make_unique<LossRung>(eta, mode);
  if (objectives == 2) return std::make_unique<ParetoRung<Staircase>>(eta, mode);
  return std::make_unique<ParetoRung<ListedFront>>(eta, mode);
}

}  // namespace quorate
