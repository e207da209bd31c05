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

// A batch size that a device could run a model at, and a model with those it could have: by falling rate, those left out
// that another one beats in rate and memory.
struct DeviceOption {
  std::size_t batch = 0;
  double rate = 0.0, resident = 0.0, workspace = 0.0;
};
struct DeviceItem {
  std::size_t m = 0;
  bool pinned = false;
  std::vector<DeviceOption> options;
};
std::vector<DeviceOption> options_of(const Problem& problem, std::size_t device, std::size_t m);

// What is asked of a pricer. `cover` may be below 0; of one model it must not fall as the rate rises.
struct DevicePrices {
  std::span<const double> price;  // [models], of a sample/s
  std::span<const double> cover;  // [models, batches], of hosting
  std::span<const double> most;   // [models]: samples/s that a device gives at most
};

// Chooses what to host, within memory, and how to split the time, so that
//   sum over hosted of cover[m, batch] + price[m] x share x rate
// is the most, where no model is given more than most[m] samples/s: a knapsack in memory whose items share one unit of time.
// Exact to a billionth by branch and bound, up to about `max_nodes` nodes; beyond them `bound` is that of what was left
// unexplored. What is hosted is divided into parts by which of the largest models it holds, those of the highest bound
// first. A part is searched depth first (price_part.h), and divided where that takes more than `part_nodes`.
class DevicePricer {
 public:
  DevicePricer(const Problem& problem, std::size_t device);

  DeviceUse best(const DevicePrices& asked, std::size_t max_nodes, std::size_t part_nodes = 1000) const;

 private:
  double capacity_ = 0.0;
  std::size_t batches_ = 0;
  std::vector<DeviceItem> items_;  // those that need most memory first
  std::vector<double> levels_;     // of workspace, ascending: what the device's largest may be, in a few steps
};

}  // namespace quorate
