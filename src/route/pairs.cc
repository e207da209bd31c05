#include "route/pairs.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "route/cost.h"
#include "route/ranking.h"

namespace quorate {
namespace {

// A bound on the least errors of what a table holds at most at some cost, by an even grid of costs.
class LeastErrors {
 public:
  void rebuild(const CheapestByErrors& table) {
    const auto& entries = table.entries();
    // A cell knows what costs at most its lower neighbour's lower edge: rounding, also to floats, places no cost a whole
    // cell too high. An entry says something new where it is cheaper than all that have fewer errors; the first is dearest.
    least_.assign(kCells, static_cast<std::int32_t>(entries.size()));
    cells_per_cost_ = 0.0;
    double cheapest = std::numeric_limits<double>::infinity();
    for (std::size_t errors = 0; errors < entries.size(); ++errors) {
      if (!(entries[errors].cost < cheapest)) continue;
      cheapest = entries[errors].cost;
      if (cells_per_cost_ == 0.0) cells_per_cost_ = cheapest > 0.0 ? static_cast<double>(kCells - 4) / cheapest : 0.0;
      std::int32_t& least = least_[cell_of(cheapest) + 2];
      least = std::min(least, static_cast<std::int32_t>(errors));
    }
    for (std::size_t cell = 1; cell < kCells; ++cell) least_[cell] = std::min(least_[cell], least_[cell - 1]);
  }

  std::span<const std::int32_t> cells() const { return least_; }
  double cells_per_cost() const { return cells_per_cost_; }

 private:
  static constexpr std::size_t kCells = 16384;
  std::size_t cell_of(double cost) const {
    return static_cast<std::size_t>(std::min(cost * cells_per_cost_, static_cast<double>(kCells - 3)));
  }
  double cells_per_cost_ = 0.0;
  std::vector<std::int32_t> least_;
};

// All last tiers behind one first tier.
class PairSweep {
 public:
  PairSweep(const Search& search, const AskedTiers& asked) : search_(search), asked_(asked), ends_(asked.tiers) {
    while (ends_ > 0 && !search.pool.may_end[ends_ - 1]) --ends_;
    lasts_.words = (ends_ + 63) / 64;
    const std::size_t padded = lasts_.words * 64;
    lasts_.errors.resize(padded);
    lasts_.cells.resize(padded);
    lasts_.change.resize(padded);
    lasts_.least.resize(padded);
    lasts_.may_matter.resize(padded);
  }

  void sweep(std::uint32_t first, CheapestByErrors& best) {
    first_ = first;
    certainty_ = asked_.certainty_of(first);
    order_ = rank_by_certainty(certainty_);
    const std::size_t n = asked_.samples;
    cost_before_ = expected_cost(search_.pool.tiers[first].cost, n, n);
    for (std::size_t last = 0; last < ends_; ++last) lasts_.errors[last] = static_cast<std::int32_t>(asked_.errors[last]);
    sharpen(best);
    auto before = static_cast<float>(cost_before_ * bound_.cells_per_cost());
    int gone_through = 0;
    for (std::size_t begin = 0; begin < n; begin += block_.size) {
      take_block(begin);
      const auto share = static_cast<float>(static_cast<double>(n - begin - block_.size) / static_cast<double>(n));
      walk_pairs(block_, bound_.cells(), before, share, lasts_);
      for (std::size_t word = 0; word < lasts_.words * 8; ++word) {
        std::uint64_t any;
        std::memcpy(&any, lasts_.may_matter.data() + word * 8, sizeof any);
        if (any == 0) continue;
        for (auto last = static_cast<std::uint32_t>(word * 8); last < word * 8 + 8 && last < ends_; ++last)
          if (lasts_.may_matter[last] && search_.fits(std::array{first_, last})) {
            go_through(begin, last, best);
            ++gone_through;
          }
      }
      if (gone_through < kStale) continue;
      gone_through = 0;
      sharpen(best);
      before = static_cast<float>(cost_before_ * bound_.cells_per_cost());
    }
  }

 private:
  void sharpen(const CheapestByErrors& best) {
    bound_.rebuild(best);
    for (std::size_t last = 0; last < ends_; ++last)
      lasts_.cells[last] = static_cast<float>(search_.pool.tiers[last].cost * bound_.cells_per_cost());
  }

  void take_block(std::size_t begin) {
    const std::size_t n = asked_.samples;
    block_.size = std::min(kPairBlock, n - begin);
    for (std::size_t p = 0; p < block_.size; ++p) {
      const std::uint32_t sample = order_[begin + p];
      block_.rows[p] = asked_.row(sample);
      block_.wrong[p] = asked_.errs(first_, sample) ? 1 : 0;
      block_.ends[p] = begin + p + 1 == n || certainty_[order_[begin + p + 1]] != certainty_[sample];
    }
    // The next block's rows lie anywhere: they are fetched while this one is walked.
    for (std::size_t p = begin + block_.size; p < std::min(n, begin + 2 * kPairBlock); ++p)
      for (std::size_t word = 0; word < lasts_.words; word += 8) __builtin_prefetch(asked_.row(order_[p]) + word);
  }

  // What has been found since sharpens the bound; made anew it costs as much as going through about so many blocks.
  static constexpr int kStale = 256;

  // What is the same for all last tiers.
  void make_alike(std::size_t begin) {
    ends_at_ = end_alone_ = {};
    for (std::size_t p = 0; p < block_.size; ++p) {
      shares_[p] = share_of(asked_.samples - begin - p - 1, asked_.samples);
      ends_at_[p / 64] |= std::uint64_t{block_.ends[p]} << (p % 64);
      end_alone_[p / 64] |= std::uint64_t{p + 1 == block_.size || !block_.ends[p + 1]} << (p % 64);
    }
    alike_begin_ = begin;
  }

  void go_through(std::size_t begin, std::uint32_t last, CheapestByErrors& best) {
    if (alike_begin_ != begin) make_alike(begin);
    const double of_last = search_.pool.tiers[last].cost;
    const std::uint32_t tiers[] = {first_, last};
    std::int32_t errors = lasts_.errors[last] - lasts_.change[last];
    std::int32_t after[kPairBlock];  // errors, where samples up to a place stop
    PlacesOfBlock rise = {};
    for (std::size_t p = 0; p < block_.size; ++p) {
      const std::int32_t change = block_.wrong[p] - static_cast<std::int32_t>(block_.rows[p][last / 64] >> (last % 64) & 1u);
      rise[p / 64] |= std::uint64_t{change > 0} << (p % 64);
      after[p] = errors += change;
    }
    // A threshold that lets one sample more stop is cheaper; where errors do not rise by it, it is no worse.
    for (std::size_t word = 0; word < rise.size(); ++word) {
      const std::uint64_t next_rises = rise[word] >> 1 | (word + 1 < rise.size() ? rise[word + 1] << 63 : 0);
      std::uint64_t places = of_last > 0.0 ? ends_at_[word] & (next_rises | end_alone_[word]) : ends_at_[word];
      for (; places != 0; places &= places - 1) {
        const std::size_t p = word * 64 + static_cast<std::size_t>(__builtin_ctzll(places));
        const std::size_t reached[] = {asked_.samples, asked_.samples - begin - p - 1};
        const double cost = cost_before_ + of_last * shares_[p];  // expected_cost()
        const auto wrong = static_cast<std::size_t>(after[p]);
        if (cost < best.entries()[wrong].cost && (search_.mean_limits.empty() || within_means(search_, tiers, reached)))
          best.offer(wrong, cost, certainty_[order_[begin + p]], first_, last);
      }
    }
  }

  using PlacesOfBlock = std::array<std::uint64_t, (kPairBlock + 63) / 64>;  // a bit for each place

  const Search& search_;
  const AskedTiers& asked_;
  std::size_t ends_;  // tiers before it may come last
  LeastErrors bound_;
  std::uint32_t first_ = 0;
  std::span<const double> certainty_;
  std::vector<std::uint32_t> order_;
  double cost_before_ = 0.0;
  PairBlock block_;
  // Of the block that begins at alike_begin_, if it was gone through:
  std::size_t alike_begin_ = ~std::size_t{0};
  double shares_[kPairBlock];     // of the samples that go on behind each place
  PlacesOfBlock ends_at_ = {};    // where block_.ends
  PlacesOfBlock end_alone_ = {};  // where no threshold lies behind the next place of the block
  PairLasts lasts_;
};

}  // namespace

FoundFront pairs(const Search& search, const AskedTiers& asked, const FoundFront& front) {
  const CheapestByErrors best = cheapest(search, front, asked.tiers, [&](std::size_t index, CheapestByErrors& table) {
    if (search.pool.may_stop[index]) PairSweep(search, asked).sweep(static_cast<std::uint32_t>(index), table);
  });
  return with_table(search, front, best, 0, [](std::uint32_t first, std::uint32_t second) {
    return Found{.tiers = {first, second}};
  });
}

}  // namespace quorate
