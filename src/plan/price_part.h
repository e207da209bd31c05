// What a device could host where some of the models are decided: bounds on what that is worth, and the search for the best.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "plan/price_device.h"

namespace quorate {

// Of the first `decided` items those in `in` are hosted and the others are not. The largest workspace is in [low, high].
struct PricePart {
  double low = 0.0, high = 0.0;
  std::size_t decided = 0;
  std::vector<std::size_t> in = {};
  double bound = std::numeric_limits<double>::infinity();
  double time = 0.0;  // the multiplier that gave the bound
};

// Every part's hosting is bounded by two relaxations. `time` is a multiplier of the device's time: for any of them, what is
// hosted is worth at most time + the most that options within memory are worth beyond their time's cost (Fisher 1981). That
// is a knapsack whose items come in several sizes; it is bounded by a table over memory in units, bytes rounded down, and,
// where many small items make that loose, by a multiplier of memory: memory x free bytes + the sum over models of what the
// best option is worth beyond both costs. No one multiplier of time is right both with and without a model that is dear and
// quick and leaves no room for others: hence the parts.
class PartSearch {
 public:
  PartSearch(double capacity, const std::vector<DeviceItem>& items, std::size_t batches, const DevicePrices& asked);

  // Sets the part's bound, where it is lower than the one it had, and its multiplier.
  void bound(PricePart& part);
  // Depth first, for at most `nodes` nodes, which it counts down. Returns the bound of what was left out, or less than
  // enough().
  double explore(const PricePart& part, std::size_t& nodes);

  double enough() const;  // what is not worth more is not looked for: a little above the best so far
  double value() const { return best_value_; }
  const std::vector<Hosted>& hosted() const { return best_; }
  double scale() const { return scale_; }  // of the terms that a bound sums up

 private:
  // What is hosted may need less or more time than the relaxation's best: its multiplier of time and some beside it each
  // bound a branch, and the least counts.
  static constexpr std::array<double, 5> kBeside = {1.0, 0.0, 0.5, 0.8, 1.4};
  using Each = std::array<double, kBeside.size()>;
  struct Option {
    std::size_t batch;
    double cover, worth, share;  // worth: of all of the device's time
    double resident, workspace;
    std::size_t units;  // of memory, rounded down

    double gain(double time) const { return cover + std::max(0.0, worth - time) * share; }  // beyond its time's cost
  };
  struct Item {
    std::size_t m;
    bool pinned;
    std::vector<Option> options;
  };
  struct Candidate {
    const Item* item;
    bool must;  // be hosted
  };
  struct Choice {
    const Option* option;
    Each gain;      // beyond its time's cost, for each pair of multipliers
    double beyond;  // beyond its memory's cost too, for the first
  };
  struct Choices {
    Candidate of;
    std::vector<Choice> choices;
  };

  void enter(const PricePart& part);
  std::size_t units(double bytes) const;
  double relaxed(double time, double memory) const;
  double best_memory(double time) const;
  bool add_row(const Candidate& candidate, double time, const double* after, double* row) const;
  double tabulated(double time);
  double best_time();
  void choose();
  void tabulate();
  double bound_of(std::size_t i, double free, double workspace, const Each& gained) const;
  void descend(std::size_t i, double free, double workspace, const Each& gained);
  void take_leaf();

  double capacity_;
  std::vector<Item> items_;
  double scale_ = 0.0, dearest_ = 0.0;
  // Of the part at hand.
  double low_ = 0.0, high_ = 0.0;
  std::vector<Candidate> open_;
  Each times_{}, memories_{};
  std::vector<Choices> choices_;
  std::vector<Each> rest_;
  std::array<std::vector<double>, kBeside.size()> table_;  // [choices + 1, units + 1], for each multiplier of time
  std::vector<double> row_, other_row_;
  struct Chosen {
    std::size_t m;
    const Option* option;
  };
  std::vector<Chosen> chosen_;
  std::size_t nodes_ = 0;
  double left_ = 0.0;
  // Of all parts.
  double best_value_ = 0.0;
  std::vector<Hosted> best_;
};

}  // namespace quorate
