// How busy a device is with what it is asked, at the batch sizes that suit it best.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "plan/problem.h"

namespace quorate {

// A model that a device hosts, and the samples/s that it has to answer there; 0: hosted for nothing.
struct Duty {
  std::size_t m = 0;
  double rate = 0.0;
};

struct DeviceLoad {
  double time = 0.0;     // of each second; above 1 where the duties are more than the device can do
  double missing = 0.0;  // memory that they lack even at their smallest batches, as a part of the device's; 0 where they fit
};

// Knows which options of a cell are worth considering. Not for several threads at once: what a call needs is kept.
class DeviceLoads {
 public:
  explicit DeviceLoads(const Problem& problem);

  bool runs(std::size_t device, std::size_t m) const { return !cells_[problem_.cell(device, m)].options.empty(); }

  // The least time, over the batch sizes that fit the device's memory together: branch and bound, exact up to 2,000 nodes,
  // which a device with a handful of models does not need. Duties must run there, each model once.
  DeviceLoad least(std::size_t device, std::span<const Duty> duties);

  // Batch sizes with that time, as the duties of the last call were ordered: indices of the profile's.
  std::span<const int> batches() const { return best_; }

 private:
  struct Option {
    int batch = kAbsent;
    double seconds = 0.0;  // a sample's
    double resident = 0.0, workspace = 0.0;
  };
  struct Cell {
    std::vector<Option> options;  // by rising seconds
    Option smallest;              // of the least memory in all
    double least_resident = 0.0, least_workspace = 0.0;
  };
  void descend(std::size_t i, double resident, double workspace, double time);

  const Problem& problem_;
  std::vector<Cell> cells_;  // [devices, models]
  // Of the duties of this call, in their order; `least_*` are sums over those from there on.
  std::vector<const Cell*> of_;
  std::vector<double> rate_, least_time_, least_resident_;
  std::vector<int> chosen_, best_;
  double capacity_ = 0.0, best_time_ = 0.0;
  int nodes_ = 0;
};

}  // namespace quorate
