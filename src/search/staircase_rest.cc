#include "search/staircase_rest.h"

#include <algorithm>
#include <limits>

namespace quorate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double lowest_y_of(std::span<const PlanePoint> points) {
  double lowest = kInfinity;
  for (const PlanePoint& point : points) lowest = std::min(lowest, point.y);
  return lowest;
}

}  // namespace

// The first that does not end before the point, else the last. There is one.
std::vector<StaircaseRest::Chunk>::iterator StaircaseRest::chunk_of(const Point& point) {
  return std::partition_point(chunks_.begin(), chunks_.end() - 1,
                              [&](const Chunk& chunk) { return chunk.points.back() < point; });
}

void StaircaseRest::insert(const Point& point) {
  ++size_;
  if (chunks_.empty()) chunks_.push_back({{}, kInfinity});
  auto chunk = chunk_of(point);
  chunk->points.insert(std::lower_bound(chunk->points.begin(), chunk->points.end(), point), point);
  chunk->lowest_y = std::min(chunk->lowest_y, point.y);
  if (chunk->points.size() < kMost) return;
  const auto half = chunk->points.begin() + kMost / 2;
  Chunk upper{{half, chunk->points.end()}, 0.0};
  upper.points.reserve(kMost);
  upper.lowest_y = lowest_y_of(upper.points);
  chunk->points.erase(half, chunk->points.end());
  chunk->lowest_y = lowest_y_of(chunk->points);
  chunks_.insert(chunk + 1, std::move(upper));
}

void StaircaseRest::erase(const Point& point) {
  --size_;
  const auto chunk = chunk_of(point);
  chunk->points.erase(std::lower_bound(chunk->points.begin(), chunk->points.end(), point));
  chunk->lowest_y = lowest_y_of(chunk->points);
  if (chunk->points.empty()) chunks_.erase(chunk);
}

void StaircaseRest::give_up_front(std::vector<Point>& leaving) { give_up({kInfinity, kInfinity}, leaving); }

void StaircaseRest::give_up(const Staircase& before, std::span<const Point> lost, std::vector<Point>& leaving) {
  give_up(before.gap(lost), leaving);
}

void StaircaseRest::give_up(const Staircase::Gap& gap, std::vector<Point>& leaving) {
  leaving.clear();
  double top = gap.top;
  bool emptied = false;
  for (Chunk& chunk : chunks_) {
    const auto leaves = [&](const Point& point) {
      return point.x < gap.right && (point.y < top || (!leaving.empty() && point.x == leaving.back().x && point.y == top));
    };
    // A point of the same losses as the last one may begin the next chunk.
    if (chunk.lowest_y > top || (chunk.lowest_y == top && leaving.empty())) continue;
    if (chunk.points.front().x >= gap.right) break;
    auto kept = chunk.points.begin();
    for (const Point& point : chunk.points) {
      if (!leaves(point)) {
        *kept++ = point;
        continue;
      }
      leaving.push_back(point);
      top = point.y;
    }
    if (kept == chunk.points.end()) continue;
    chunk.points.erase(kept, chunk.points.end());
    chunk.lowest_y = lowest_y_of(chunk.points);
    emptied |= chunk.points.empty();
  }
  size_ -= leaving.size();
  if (emptied) std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.points.empty(); });
  if (chunks_.size() > 16 + 8 * size_ / kMost) repack();
}

void StaircaseRest::repack() {
  std::vector<Chunk> packed;
  for (const Chunk& chunk : chunks_) {
    if (packed.empty() || packed.back().points.size() + chunk.points.size() > kMost / 2) {
      packed.push_back({{}, kInfinity});
      packed.back().points.reserve(kMost);
    }
    Chunk& last = packed.back();
    last.points.insert(last.points.end(), chunk.points.begin(), chunk.points.end());
    last.lowest_y = std::min(last.lowest_y, chunk.lowest_y);
  }
  chunks_ = std::move(packed);
}

std::vector<Staircase> StaircaseRest::fronts() const {
  std::vector<Point> points;
  for (const Chunk& chunk : chunks_) points.insert(points.end(), chunk.points.begin(), chunk.points.end());
  return staircases(std::move(points));
}

}  // namespace quorate
