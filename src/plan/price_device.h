// The best use of one device when samples and the hosting of models have prices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/problem.h"

namespace quorate {

// A model that a device hosts, with its share of the device's time.
struct Hosted {
  std::size_t m = 0;
  std::size_t batch = 0;
  double share = 0.0;
};

struct DeviceUse {
  double value = 0.0;  // of `hosted`, at the prices asked for
  double bound = 0.0;  // no use of the device is worth more
  std::vector<Hosted> hosted;
};

// Chooses what to host, within memory, and how to split the time, so that
//   sum over hosted of cover[m] + price[m] x share x rate
// is the most, where no model is given more than most[m] samples/s: a knapsack in memory whose items share one unit of time.
// Exact to a billionth by branch and bound, up to `max_nodes` nodes; beyond them `bound` is that of what was left
// unexplored. A branch is bounded by a Lagrangian relaxation of the time (Fisher 1981) and a table, over memory in a few
// hundred units, of what the models not yet decided are worth in it. The options of a device that another one beats in rate
// and memory are dropped once, when the pricer is made.
class DevicePricer {
 public:
  DevicePricer(const Problem& problem, std::size_t device);

  DeviceUse best(std::span<const double> price, std::span<const double> cover, std::span<const double> most,
                 std::size_t max_nodes) const;

 private:
  struct Option {
    std::size_t batch = 0;
    double rate = 0.0, resident = 0.0, workspace = 0.0;
  };
  struct Item {
    std::size_t m = 0;
    bool pinned = false;
    std::vector<Option> options;
  };
  friend class Pricing;

  double capacity_ = 0.0;
  std::vector<Item> items_;
  std::vector<double> levels_;  // of workspace, ascending: what the device's largest may be, in a few steps
};

}  // namespace quorate
