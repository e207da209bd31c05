#include "route/boxes.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <set>

#include "quorate/core/parallel.h"
#include "route/boxes_answers.h"
#include "route/boxes_descent.h"
#include "route/boxes_survey.h"

namespace quorate {
namespace {

constexpr std::size_t kScouted = 128;  // scouts' boxes become so small before the others start
constexpr std::size_t kFine = 16;      // and all boxes so small before their cascades are tried

// The cascades that begin with the same stopping tiers.
struct Unit {
  struct Open {
    std::uint32_t last;
    std::vector<Box> boxes = {};
  };
  std::vector<std::uint32_t> stopping;
  std::vector<Open> open;  // by last tier, ascending
};

std::vector<Unit> units_of(const Search& search, std::size_t depth) {
  const auto tiers = static_cast<std::uint32_t>(search.pool.tiers.size());
  std::vector<Unit> units = {{}};
  for (std::size_t k = 0; k < depth; ++k) {
    const bool last = k + 1 == depth;
    std::vector<Unit> longer;
    for (Unit& unit : units)
      for (std::uint32_t tier = 0; tier < tiers; ++tier) {
        std::vector<std::uint32_t> next = unit.stopping;
        next.push_back(tier);
        if (!(last ? search.pool.may_end : search.pool.may_stop)[tier] || !search.fits(next)) continue;
        if (last)
          unit.open.push_back({tier});
        else
          longer.push_back({std::move(next), {}});
      }
    if (!last) units = std::move(longer);
  }
  std::erase_if(units, [](const Unit& unit) { return unit.open.empty(); });
  return units;
}

class Rounds {
 public:
  Rounds(const Search& search, const FoundFront& front, std::size_t depth, double gap)
      : search_(search),
        depth_(depth),
        gap_errors_(gap * static_cast<double>(search.predictions.samples())),
        asker_(search),
        table_(front, search.predictions.samples()) {}

  const BoxTable& table() const { return table_; }

  // Takes the units' boxes from `from` positions (0: none yet) down to `to`; with `enumerate` to the last cascade.
  void run(std::span<Unit> units, std::size_t from, std::size_t to, bool enumerate) {
    const KnownFront known(table_.limit());
    const Stretch stretch{from, to, enumerate, known, CostBins(known, gap_errors_)};
    const auto workers = static_cast<std::size_t>(search_.threads > 0 ? search_.threads : available_cores());
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::vector<BoxTable> tables;
    parallel_for(workers, static_cast<int>(workers), [&](std::size_t begin, std::size_t end) {
      for (std::size_t worker = begin; worker < end; ++worker) {
        BoxTable table = table_;
        for (std::size_t unit = next++; unit < units.size(); unit = next++) work(stretch, units[unit], table);
        const std::lock_guard lock(mutex);
        tables.push_back(std::move(table));
      }
    });
    for (const BoxTable& one : tables) table_.merge(one);
    table_.update_limit();
  }

 private:
  struct Stretch {
    std::size_t from, to;
    bool enumerate;
    const KnownFront& known;
    CostBins bins;
  };

  void work(const Stretch& stretch, Unit& unit, BoxTable& table) const {
    for (std::size_t begin = 0; begin < unit.open.size();) {
      const std::uint32_t group = unit.open[begin].last / kLastTiers;
      std::size_t end = begin + 1;
      while (end < unit.open.size() && unit.open[end].last / kLastTiers == group) ++end;
      work(stretch, unit.stopping, std::span(unit.open).subspan(begin, end - begin), table);
      begin = end;
    }
    std::erase_if(unit.open, [](const Unit::Open& open) { return open.boxes.empty(); });
  }

  void work(const Stretch& stretch, std::span<const std::uint32_t> stopping, std::span<Unit::Open> open,
            BoxTable& table) const {
    std::vector<std::uint32_t> last;
    for (const Unit::Open& one : open) last.push_back(one.last);
    const Prefix prefix(asker_.ask(stopping, last));
    if (stretch.from == 0) look_first(stretch, prefix, stopping, open);
    for (Unit::Open& one : open) {
      const BoxTuple tuple = tuple_of(stopping, one.last);
      Descent descent(prefix, tuple, stretch.known, gap_errors_, table);
      std::size_t window = stretch.from;
      if (window == 0) {
        window = stretch.to;
        descent.offer_lowest(one.boxes, window);
        one.boxes = descent.keep(one.boxes, window, stretch.enumerate);
      }
      while (window > stretch.to && !one.boxes.empty()) {
        window /= 2;
        one.boxes = descent.keep(descent.split(one.boxes, window), window, stretch.enumerate && window == stretch.to);
      }
      one.boxes.shrink_to_fit();
    }
  }

  void look_first(const Stretch& stretch, const Prefix& prefix, std::span<const std::uint32_t> stopping,
                  std::span<Unit::Open> open) const {
    std::vector<double> cost;
    for (const std::uint32_t tier : stopping) cost.push_back(search_.pool.tiers[tier].cost);
    std::vector<SurveyLast> last;
    for (const Unit::Open& one : open) last.push_back({one.last % kLastTiers, search_.pool.tiers[one.last].cost});
    std::vector<std::vector<Box>> boxes = survey(prefix, cost, last, stretch.bins, stretch.to);
    for (std::size_t i = 0; i < open.size(); ++i) open[i].boxes = std::move(boxes[i]);
  }

  BoxTuple tuple_of(std::span<const std::uint32_t> stopping, std::uint32_t last) const {
    BoxTuple tuple{last % kLastTiers, {}, {}, {}};
    std::copy(stopping.begin(), stopping.end(), tuple.cascade.tiers.begin());
    tuple.cascade.tiers[depth_ - 1] = last;
    const auto tiers = std::span(tuple.cascade.tiers).first(depth_);
    for (const std::uint32_t tier : tiers) tuple.cost.push_back(search_.pool.tiers[tier].cost);
    for (const MeanLimit& limit : search_.mean_limits) {
      tuple.limits.push_back({{}, limit.most});
      for (const std::uint32_t tier : tiers) tuple.limits.back().cost.push_back(limit.of_tier[tier]);
    }
    return tuple;
  }

  const Search& search_;
  std::size_t depth_;
  double gap_errors_;
  PrefixAsker asker_;
  BoxTable table_;
};

// Moves the units that begin like a cascade of the front to the front, and says how many they are.
std::size_t scouts_first(std::vector<Unit>& units, const FoundFront& front, std::size_t depth) {
  std::set<std::vector<std::uint32_t>> known;
  for (const Found& found : front)
    if (found.tiers.size() + 1 >= depth)
      known.insert({found.tiers.begin(), found.tiers.begin() + static_cast<std::ptrdiff_t>(depth - 1)});
  const auto rest =
      std::stable_partition(units.begin(), units.end(), [&](const Unit& unit) { return known.contains(unit.stopping); });
  return static_cast<std::size_t>(rest - units.begin());
}

// 16 blocks or so along each threshold: with finer ones counting takes longer than it saves.
std::size_t coarse_window(std::size_t samples) { return std::bit_ceil(samples / 16 + 1); }

}  // namespace

FoundFront exact(const Search& search, const FoundFront& front, std::size_t depth, double gap, const BoxGrid& grid) {
  std::vector<Unit> units = units_of(search, depth);
  const std::size_t scouts = scouts_first(units, front, depth);
  const std::size_t fine = grid.fine > 0 ? grid.fine : kFine;
  const std::size_t coarse = std::max(fine, grid.coarse > 0 ? grid.coarse : coarse_window(search.predictions.samples()));
  const std::size_t meet = std::max(fine, std::min(coarse, kScouted));

  Rounds rounds(search, front, depth, gap);
  for (const auto part : {std::span(units).first(scouts), std::span(units).subspan(scouts)}) {
    rounds.run(part, 0, coarse, coarse == fine);
    for (std::size_t from = coarse; from > meet;) {
      const std::size_t to = std::max(meet, from / 4);
      rounds.run(part, from, to, to == fine);
      from = to;
    }
  }
  if (meet > fine) rounds.run(units, meet, fine, true);
  return rounds.table().front(front, depth);
}

}  // namespace quorate
