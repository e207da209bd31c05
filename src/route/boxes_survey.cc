#include "route/boxes_survey.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "select/cpu.h"

namespace quorate {
namespace {

// The samples in the first tier's order.
struct Samples {
  const std::uint16_t* cell;     // by the second and the third tier's blocks
  const std::uint64_t* last;     // which last tiers are wrong
  const std::uint8_t* stopping;  // which stopping tiers are
};

// Counts of the boxes of one block of the first tier; a row for each block of the second, a column for each of the third.
struct Slab {
  std::size_t lanes, rows, columns;
  // [rows, columns, lanes]: samples of the slab that the last tier gets wrong; and of those, which stopping tier 0, 1, 2
  // gets right. Zero between slabs.
  std::vector<std::int32_t> wrong, loses[kMostThresholds];
  // Summed over the slabs from this on: samples that reach the last tier and that it gets wrong, or that the second or the
  // third tier would.
  std::vector<std::int32_t> wrong_after, loses_after[kMostThresholds - 1];
  std::vector<std::int32_t> row_after;  // [columns, 3, at most 16]: scratch
  // [rows, columns], alike for all last tiers: the other errors at the lowest positions; what other samples may gain; the
  // cost of the other tiers at the highest positions, and the share of samples that reach the last there.
  std::vector<std::int32_t> errors, gain;
  std::vector<float> cost, reach;
  std::vector<std::int32_t> result;  // [rows, columns, lanes]: errors at the lowest positions, -1 where of no use
  std::vector<std::uint8_t> any;     // [rows, columns]: of use to some last tier

  Slab(std::size_t lanes_, std::size_t rows_, std::size_t columns_) : lanes(lanes_), rows(rows_), columns(columns_) {
    const std::size_t cells = rows * columns;
    for (auto* counts : {&wrong, &loses[0], &loses[1], &loses[2], &wrong_after, &loses_after[0], &loses_after[1], &result})
      counts->resize(cells * lanes);
    row_after.resize(columns * 3 * 16);
    errors.resize(cells);
    gain.resize(cells);
    cost.resize(cells);
    reach.resize(cells);
    any.resize(cells);
  }
};

#define QUORATE_BODY "route/boxes_survey.inc"
#include "select/every_width.inc"

// The blocks of one stopping tier that have a position, and the block that each sample is in: the last whose lowest position
// lets it go on.
struct Blocks {
  std::vector<std::uint32_t> number;
  std::vector<std::uint32_t> low;
  std::vector<std::uint16_t> of_rank;  // [samples]

  Blocks() : number{0}, low{0} {}
  Blocks(const Prefix& prefix, std::size_t dim, std::size_t window) {
    const std::size_t samples = prefix.samples();
    for (std::size_t block = 0; block * window <= samples; ++block) {
      if (!prefix.has(dim, block, window)) continue;
      number.push_back(static_cast<std::uint32_t>(block));
      low.push_back(prefix.low(dim, block, window));
    }
    of_rank.resize(samples);
    for (std::size_t b = 0; b < low.size(); ++b)
      std::fill(of_rank.begin() + low[b], b + 1 < low.size() ? of_rank.begin() + low[b + 1] : of_rank.end(),
                static_cast<std::uint16_t>(b));
  }
  std::size_t count() const { return number.size(); }
};

// Counts that are alike for all last tiers; arrays [rows, columns] or [rows], of one slab or (…_after) from it on.
class Alike {
 public:
  Alike(std::size_t rows, std::size_t columns)
      : rows_(rows),
        columns_(columns),
        reach_(cells()),
        third_wrong_(cells()),
        second_loses_(cells()),
        second_wrong_(rows) {}

  // Adds samples [begin, end) and works out the slab's own part.
  void slab(Slab& out, const Samples& samples, std::size_t begin, std::size_t end, std::size_t errors_before) {
    std::vector<std::int32_t> first_loses_to_third(cells()), first_loses_to_second(rows_);
    cheapest_ = summed(reach_);
    for (std::size_t x = begin; x < end; ++x) {
      const std::size_t cell = samples.cell[x], row = cell / columns_;
      const unsigned code = samples.stopping[x];
      const std::int32_t first = code & 1, second = code >> 1 & 1, third = code >> 2 & 1;
      ++reach_[cell];
      second_wrong_[row] += second;
      third_wrong_[cell] += third;
      second_loses_[cell] += third & ~second;
      first_loses_to_second[row] += second & ~first;
      first_loses_to_third[cell] += third & ~first;
    }
    lowest_ = summed(reach_);
    std::int32_t wrong_before = 0, loses_before = 0;  // of the rows before
    std::vector<std::int32_t> third_wrong(columns_ + 1), loses_to_third(columns_ + 1);
    for (std::size_t row = rows_; row-- > 0;) {
      std::int32_t wrong = 0, loses = 0, second_loses = 0;
      for (std::size_t column = 0; column < columns_; ++column) {
        const std::size_t cell = row * columns_ + column;
        third_wrong[column] += wrong;
        loses_to_third[column] += loses;
        out.errors[cell] = static_cast<std::int32_t>(errors_before) + third_wrong[column];
        out.gain[cell] = loses_to_third[column] + second_loses;
        wrong += third_wrong_[cell];
        loses += first_loses_to_third[cell];
        second_loses += second_loses_[cell];
      }
    }
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t column = 0; column < columns_; ++column) {
        out.errors[row * columns_ + column] += wrong_before;
        out.gain[row * columns_ + column] += loses_before;
      }
      wrong_before += second_wrong_[row];
      loses_before += first_loses_to_second[row];
    }
  }

  // Samples that go on after the second and the third tier, at the lowest positions of a box; and at the next boxes'.
  std::int32_t second_reach(std::size_t row) const { return lowest_[row * (columns_ + 1)]; }
  std::int32_t third_reach(std::size_t row, std::size_t column) const { return lowest_[row * (columns_ + 1) + column]; }
  std::int32_t second_reach_after(std::size_t row) const { return cheapest_[(row + 1) * (columns_ + 1)]; }
  std::int32_t third_reach_after(std::size_t row, std::size_t column) const {
    return cheapest_[(row + 1) * (columns_ + 1) + column + 1];
  }

 private:
  std::size_t cells() const { return rows_ * columns_; }

  // [rows + 1, columns + 1]: over all cells at or after.
  std::vector<std::int32_t> summed(const std::vector<std::int32_t>& counts) const {
    std::vector<std::int32_t> result((rows_ + 1) * (columns_ + 1));
    for (std::size_t row = rows_; row-- > 0;) {
      std::int32_t sum = 0;
      for (std::size_t column = columns_; column-- > 0;) {
        sum += counts[row * columns_ + column];
        result[row * (columns_ + 1) + column] = sum + result[(row + 1) * (columns_ + 1) + column];
      }
    }
    return result;
  }

  std::size_t rows_, columns_;
  std::vector<std::int32_t> reach_, third_wrong_, second_loses_, second_wrong_;
  std::vector<std::int32_t> lowest_, cheapest_;
};

}  // namespace

CostBins::CostBins(const KnownFront& known, double gap_errors) : errors(8192) {
  const double lowest = known.lowest_cost();
  const auto bins = static_cast<double>(errors.size());
  const double width = std::max({(known.highest_cost() - lowest) / (bins - 3.0), lowest * 1e-6, 1e-30});
  first = static_cast<float>(lowest - width);
  per_cost = static_cast<float>(1.0 / width);
  for (std::size_t bin = 0; bin < errors.size(); ++bin) {
    const double most = known.errors_at(lowest + (static_cast<double>(bin) - 2.5) * width);
    errors[bin] = static_cast<std::int32_t>(gap_errors > 0.0 ? std::ceil(most - gap_errors) - 1.0 : most);
  }
}

std::vector<std::vector<Box>> survey(const Prefix& prefix, std::span<const double> cost, std::span<const SurveyLast> last,
                                     const CostBins& bins, std::size_t window) {
  const std::size_t thresholds = prefix.thresholds(), samples = prefix.samples();
  Blocks blocks[kMostThresholds];
  for (std::size_t dim = 0; dim < thresholds; ++dim) blocks[dim] = Blocks(prefix, dim, window);
  const std::size_t rows = blocks[1].count(), columns = blocks[2].count();

  std::vector<std::uint16_t> cell(samples);
  for (std::size_t x = 0; x < samples; ++x) {
    const std::uint32_t sample = prefix.tier(0).order[x];
    const std::size_t row = thresholds > 1 ? blocks[1].of_rank[prefix.tier(1).rank[sample]] : 0;
    const std::size_t column = thresholds > 2 ? blocks[2].of_rank[prefix.tier(2).rank[sample]] : 0;
    cell[x] = static_cast<std::uint16_t>(row * columns + column);
  }
  std::size_t places = 0;
  for (const SurveyLast& one : last) places = std::max<std::size_t>(places, one.place + 1);
  Slab slab((places + 15) / 16 * 16, rows, columns);
  std::vector<float> last_cost(slab.lanes, std::numeric_limits<float>::infinity());  // not asked for: never useful
  for (const SurveyLast& one : last) last_cost[one.place] = static_cast<float>(one.cost);
  std::vector<std::size_t> index(slab.lanes);
  for (std::size_t i = 0; i < last.size(); ++i) index[last[i].place] = i;

  const Samples in{cell.data(), prefix.column(0).last, prefix.column(0).stopping};
  const auto n = static_cast<double>(samples);
  std::vector<std::size_t> errors_before(blocks[0].count() + 1);
  for (std::size_t b = 0; b < blocks[0].count(); ++b) {
    const std::size_t end = b + 1 < blocks[0].count() ? blocks[0].low[b + 1] : samples;
    errors_before[b + 1] = errors_before[b];
    for (std::size_t x = blocks[0].low[b]; x < end; ++x) errors_before[b + 1] += in.stopping[x] & 1u;
  }

  std::vector<std::vector<Box>> result(last.size());
  Alike alike(rows, columns);
  for (std::size_t b = blocks[0].count(); b-- > 0;) {
    const std::size_t begin = blocks[0].low[b], end = b + 1 < blocks[0].count() ? blocks[0].low[b + 1] : samples;
    alike.slab(slab, in, begin, end, errors_before[b]);
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < columns; ++column) {
        double sure = cost[0];
        if (thresholds > 1) sure += cost[1] * static_cast<double>(samples - end) / n;
        if (thresholds > 2) sure += cost[2] * alike.second_reach_after(row) / n;
        slab.cost[row * columns + column] = static_cast<float>(sure);
        slab.reach[row * columns + column] = static_cast<float>(alike.third_reach_after(row, column) / n);
      }
    QUORATE_WIDEST(count(slab, in, begin, end, thresholds));
    QUORATE_WIDEST(judge(slab, last_cost.data(), bins));
    for (std::size_t c = 0; c < rows * columns; ++c) {
      if (slab.any[c] == 0) continue;
      Box box{};
      const std::size_t row = c / columns, column = c % columns;
      box.block[0] = blocks[0].number[b];
      if (thresholds > 1) box.block[1] = blocks[1].number[row];
      if (thresholds > 2) box.block[2] = blocks[2].number[column];
      const std::uint32_t reach[] = {static_cast<std::uint32_t>(samples - begin),
                                     static_cast<std::uint32_t>(alike.second_reach(row)),
                                     static_cast<std::uint32_t>(alike.third_reach(row, column))};
      std::copy_n(reach, thresholds, box.reach);
      for (const SurveyLast& one : last)
        if (const std::int32_t errors = slab.result[c * slab.lanes + one.place]; errors >= 0) {
          box.errors = static_cast<std::uint32_t>(errors);
          result[index[one.place]].push_back(box);
        }
    }
  }
  return result;
}

}  // namespace quorate
