#include "route/boxes_descent.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "route/cost.h"

namespace quorate {
namespace {

constexpr std::size_t kMostLanes = 8 * kWalkLanes;
constexpr double kNear = 1e-12;  // more than cost_near() is off, as a share

// Room for the boxes that walk together.
struct Lanes {
  std::uint32_t low[kMostThresholds - 1][kMostLanes];
  std::uint32_t high[kMostThresholds - 1][kMostLanes];
  std::int32_t step[kMostThresholds][kMostLanes];
  std::int32_t value[kMostLanes];
  std::uint32_t stopped[kMostThresholds][kMostLanes];

  WalkLanes view(std::size_t last, std::size_t lanes) {
    WalkLanes result{};
    result.last = last;
    result.lanes = (lanes + kWalkLanes - 1) / kWalkLanes * kWalkLanes;
    for (std::size_t o = 0; o + 1 < kMostThresholds; ++o) {
      std::fill(low[o] + lanes, low[o] + result.lanes, 0u);
      std::fill(high[o] + lanes, high[o] + result.lanes, 0u);
      result.low[o] = low[o];
      result.high[o] = high[o];
    }
    for (std::size_t n = 0; n < kMostThresholds; ++n) {
      std::fill(step[n] + lanes, step[n] + result.lanes, 0);
      result.step[n] = step[n];
      result.stopped[n] = stopped[n];
    }
    result.value = value;
    return result;
  }
};

}  // namespace

Descent::Descent(const Prefix& prefix, const BoxTuple& tuple, const KnownFront& known, double gap_errors, BoxTable& table)
    : prefix_(prefix),
      tuple_(tuple),
      known_(known),
      gap_errors_(gap_errors),
      table_(table),
      thresholds_(prefix.thresholds()),
      samples_(prefix.samples()) {
  for (std::size_t k = 0; k < thresholds_; ++k) of_one_[k] = expected_cost(tuple.cost[k + 1], 1, samples_);
}

double Descent::cost_of(const std::vector<double>& cost, const std::uint32_t* reach) const {
  double total = expected_cost(cost[0], samples_, samples_);
  for (std::size_t k = 1; k <= thresholds_; ++k) total += expected_cost(cost[k], reach[k - 1], samples_);
  return total;
}

void Descent::offer(std::uint32_t errors, const std::uint32_t* reach, const std::uint32_t* position) {
  const double most = table_.most(errors);
  if (cost_near(reach) * (1.0 - kNear) > most) return;
  const double cost = cost_of(tuple_.cost, reach);
  if (cost > most) return;
  for (const BoxTuple::Limit& limit : tuple_.limits)
    if (cost_of(limit.cost, reach) > limit.most) return;
  BoxCascade cascade = tuple_.cascade;
  for (std::size_t dim = 0; dim < thresholds_; ++dim) {
    cascade.positions[dim] = position[dim];
    cascade.thresholds[dim] = prefix_.tier(dim).threshold(position[dim]);
  }
  table_.offer(errors, cost, cascade);
}

void Descent::offer_lowest(std::vector<Box>& boxes, std::size_t window) {
  for (const Box& box : boxes) {
    std::uint32_t position[kMostThresholds];
    for (std::size_t dim = 0; dim < thresholds_; ++dim) position[dim] = prefix_.low(dim, box.block[dim], window);
    offer(box.errors, box.reach, position);
  }
  std::erase_if(boxes, [](const Box& box) { return settled(box.reach, 0); });
}

std::span<const std::uint64_t> Descent::by_block(const std::vector<Box>& boxes, std::size_t dim) {
  keys_.resize(boxes.size());
  for (std::size_t i = 0; i < boxes.size(); ++i) keys_[i] = std::uint64_t{boxes[i].block[dim]} << 32 | i;
  if (dim > 0) std::sort(keys_.begin(), keys_.end());  // of the first they stand together
  return keys_;
}

namespace {

// Calls body(block, indices) for runs of at most kMostLanes boxes of the same block.
template <class Body>
void for_each_run(std::span<const std::uint64_t> keys, const Body& body) {
  for (std::size_t begin = 0; begin < keys.size();) {
    const std::uint64_t block = keys[begin] >> 32;
    std::size_t end = begin + 1;
    while (end < keys.size() && end - begin < kMostLanes && keys[end] >> 32 == block) ++end;
    body(block, keys.subspan(begin, end - begin));
    begin = end;
  }
}

std::size_t index_of(std::uint64_t key) { return key & 0xffffffffu; }

}  // namespace

std::vector<Box> Descent::split(const std::vector<Box>& boxes, std::size_t window) {
  std::vector<Box> children;
  children.reserve(boxes.size() << thresholds_);
  for (std::size_t begin = 0, end = 0; begin < boxes.size(); begin = end) {
    while (end < boxes.size() && boxes[end].block[0] == boxes[begin].block[0]) ++end;
    for (unsigned first = 0; first < 2; ++first)  // so that children of one block of the first tier stand together
      for (std::size_t i = begin; i < end; ++i)
        for (unsigned others = 0; others < 1u << (thresholds_ - 1); ++others) {
          Box child = boxes[i];
          bool empty = false;
          for (std::size_t dim = 0; dim < thresholds_; ++dim) {
            const std::uint32_t lower = 2 * child.block[dim], upper = dim == 0 ? first : others >> (dim - 1) & 1u;
            child.block[dim] = lower + upper;
            empty = empty || !prefix_.has(dim, child.block[dim], window) ||
                    (upper > 0 && settled(child.reach, dim) && prefix_.has(dim, lower, window));
          }
          if (!empty) children.push_back(child);
        }
  }
  Lanes lanes;
  for (std::size_t dim = 0; dim < thresholds_; ++dim)
    for_each_run(by_block(children, dim), [&](std::size_t block, std::span<const std::uint64_t> run) {
      const std::uint32_t from = prefix_.low(dim, block / 2, 2 * window), to = prefix_.low(dim, block, window);
      if (from == to) return;
      for (std::size_t lane = 0; lane < run.size(); ++lane) {
        const Box& child = children[index_of(run[lane])];
        for (std::size_t u = 0; u < dim; ++u) lanes.low[u][lane] = prefix_.low(u, child.block[u], window);
        for (std::size_t u = dim + 1; u < thresholds_; ++u)
          lanes.low[u - 1][lane] = prefix_.low(u, child.block[u] / 2, 2 * window);
      }
      change(thresholds_, dim, prefix_.column(dim), from, to, lanes.view(tuple_.last, run.size()));
      for (std::size_t lane = 0; lane < run.size(); ++lane) {
        Box& child = children[index_of(run[lane])];
        child.errors += static_cast<std::uint32_t>(lanes.value[lane]);
        for (std::size_t k = dim; k < thresholds_; ++k) child.reach[k] -= lanes.stopped[k - dim][lane];
      }
    });
  offer_lowest(children, window);
  return children;
}

std::vector<Box> Descent::keep(const std::vector<Box>& boxes, std::size_t window, bool enumerate) {
  const int shift = std::min(20, 29 - static_cast<int>(std::bit_width(window - 1)));
  const double unit = 1.0 / (std::int64_t{1} << shift);
  const auto n = static_cast<double>(samples_);
  double later = 0.0;
  for (std::size_t k = 1; k <= thresholds_; ++k) later += tuple_.cost[k];

  std::vector<Bound> bounds(boxes.size());
  std::vector<Box> least = boxes;  // its reach ends as a lower bound of that anywhere in the box
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    // A guess of the costs of the box: the slope may be any.
    const double highest = cost_near(boxes[i].reach);
    double lowest = highest, left = 1.0;
    for (std::size_t k = 1; k <= thresholds_; ++k) {
      left *= std::max(0.0, 1.0 - static_cast<double>(window) / std::max(1.0, static_cast<double>(boxes[i].reach[k - 1])));
      lowest -= tuple_.cost[k] * static_cast<double>(boxes[i].reach[k - 1]) / n * (1.0 - left);
    }
    bounds[i].slope = std::min(known_.slope(lowest, highest), later > 0.0 ? 2.0 * n / later : 0.0);
  }

  Lanes lanes;
  for (std::size_t dim = 0; dim < thresholds_; ++dim)
    for_each_run(by_block(boxes, dim), [&](std::size_t block, std::span<const std::uint64_t> run) {
      for (std::size_t lane = 0; lane < run.size(); ++lane) {
        const Box& box = boxes[index_of(run[lane])];
        std::size_t other = 0;
        for (std::size_t u = 0; u < thresholds_; ++u) {
          if (u == dim) continue;
          lanes.low[other][lane] = prefix_.low(u, box.block[u], window);
          if (u < dim) lanes.high[other][lane] = prefix_.high(u, box.block[u], window);
          ++other;
        }
        const double tilt = bounds[index_of(run[lane])].slope / n / unit;
        std::int32_t step = 0;
        for (std::size_t k = dim + 1; k <= thresholds_; ++k) {
          step -= static_cast<std::int32_t>(tilt * tuple_.cost[k] + 0.5);
          lanes.step[k - dim - 1][lane] = step;
        }
      }
      walk(thresholds_, dim, prefix_.column(dim), prefix_.low(dim, block, window), prefix_.high(dim, block, window), shift,
           lanes.view(tuple_.last, run.size()));
      for (std::size_t lane = 0; lane < run.size(); ++lane) {
        const std::size_t i = index_of(run[lane]);
        bounds[i].gain[dim] = lanes.value[lane] * unit;
        for (std::size_t k = dim; k < thresholds_; ++k)
          least[i].reach[k] -= std::min(least[i].reach[k], lanes.stopped[k - dim][lane]);
      }
    });

  const double t = static_cast<double>(thresholds_);
  const double margin = 0.5 * t * t * static_cast<double>(window) * unit + 1e-6;
  std::vector<Box> kept;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (std::any_of(tuple_.limits.begin(), tuple_.limits.end(),
                    [&](const BoxTuple::Limit& limit) { return cost_of(limit.cost, least[i].reach) > limit.most; }))
      continue;
    const double highest = cost_near(boxes[i].reach) * (1.0 + kNear), lowest = cost_near(least[i].reach) * (1.0 - kNear);
    Bound& bound = bounds[i];
    bound.margin = margin;
    bound.most = known_.highest(lowest, highest, bound.slope) - gap_errors_;
    double least_value = boxes[i].errors + bound.slope * highest - margin;
    for (std::size_t dim = 0; dim < thresholds_; ++dim) least_value += bound.gain[dim];
    if (least_value > bound.most) continue;
    if (!enumerate) {
      kept.push_back(boxes[i]);
      continue;
    }
    State state{};
    state.errors = boxes[i].errors;
    for (std::size_t k = 0; k < thresholds_; ++k) {
      state.reach[k] = boxes[i].reach[k];
      state.position[k] = prefix_.low(k, boxes[i].block[k], window);
    }
    cascades_of(boxes[i], window, 0, state, bound);
  }
  return kept;
}

void Descent::cascades_of(const Box& box, std::size_t window, std::size_t dim, const State& state, const Bound& bound) {
  double value = static_cast<double>(state.errors) + bound.slope * cost_near(state.reach) - bound.margin;
  for (std::size_t u = dim; u < thresholds_; ++u) value += bound.gain[u];
  if (value > bound.most) return;

  const WalkColumn& column = prefix_.column(dim);
  const std::vector<std::uint32_t>& next = prefix_.tier(dim).next;
  const std::uint32_t end = prefix_.high(dim, box.block[dim], window);
  State at = state;
  while (true) {
    if (dim + 1 < thresholds_)
      cascades_of(box, window, dim + 1, at, bound);
    else
      offer(at.errors, at.reach, at.position);
    if (at.position[dim] == end || settled(at.reach, dim)) return;
    for (const std::uint32_t to = next[at.position[dim] + 1]; at.position[dim] < to; ++at.position[dim]) {
      const std::uint32_t x = at.position[dim];
      bool reaches = true;
      for (std::size_t u = 0; u < dim; ++u) reaches = reaches && column.rank[u][x] >= at.position[u];
      if (!reaches) continue;
      std::size_t after = dim + 1;
      --at.reach[dim];
      for (; after < thresholds_ && column.rank[after - 1][x] >= at.position[after]; ++after) --at.reach[after];
      const std::uint64_t code = column.stopping[x] | (column.last[x] >> tuple_.last & 1u) << thresholds_;
      at.errors += static_cast<std::uint32_t>((code >> dim & 1u) - (code >> after & 1u));
    }
  }
}

}  // namespace quorate
