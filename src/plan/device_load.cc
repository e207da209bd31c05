#include "plan/device_load.h"

#include <algorithm>
#include <limits>

#include "plan/price_device.h"

namespace quorate {
namespace {

constexpr int kNodes = 2000;

}  // namespace

DeviceLoads::DeviceLoads(const Problem& problem) : problem_(problem), cells_(problem.devices * problem.models) {
  for (std::size_t at = 0; at < cells_.size(); ++at) {
    Cell& cell = cells_[at];
    for (const DeviceOption& option : options_of(problem, at / problem.models, at % problem.models))
      cell.options.push_back({static_cast<int>(option.batch), 1.0 / option.rate, option.resident, option.workspace});
    if (cell.options.empty()) continue;
    cell.smallest = cell.options[0];
    cell.least_resident = cell.smallest.resident;
    cell.least_workspace = cell.smallest.workspace;
    for (const Option& option : cell.options) {
      if (option.resident + option.workspace < cell.smallest.resident + cell.smallest.workspace) cell.smallest = option;
      cell.least_resident = std::min(cell.least_resident, option.resident);
      cell.least_workspace = std::min(cell.least_workspace, option.workspace);
    }
  }
}

DeviceLoad DeviceLoads::least(std::size_t device, std::span<const Duty> duties) {
  const std::size_t count = duties.size();
  of_.resize(count);
  rate_.resize(count);
  chosen_.resize(count);
  best_.resize(count);
  capacity_ = static_cast<double>(problem_.capacity_bytes[device]);
  double time = 0.0, bytes = 0.0, workspace = 0.0, least_bytes = 0.0,
         least_workspace = 0.0;  // the first three: of the smallest
  for (std::size_t i = 0; i < count; ++i) {
    const Cell& cell = cells_[problem_.cell(device, duties[i].m)];
    double slowed = 1.0;
    if (!problem_.slowdown.empty())
      for (const Duty& other : duties) slowed = std::max(slowed, problem_.slowed(device, duties[i].m, other.m));
    of_[i] = &cell;
    rate_[i] = duties[i].rate * slowed;
    best_[i] = cell.smallest.batch;
    time += rate_[i] * cell.smallest.seconds;
    bytes += cell.smallest.resident;
    workspace = std::max(workspace, cell.smallest.workspace);
    least_bytes += cell.least_resident;
    least_workspace = std::max(least_workspace, cell.least_workspace);
  }
  const DeviceLoad too_large{time, (bytes + workspace - capacity_) / std::max(capacity_, 1.0)};
  if (least_bytes + least_workspace > capacity_) return too_large;
  best_time_ = too_large.missing > 0.0 ? std::numeric_limits<double>::infinity() : time;
  least_time_.resize(count + 1);
  least_resident_.resize(count + 1);
  least_time_[count] = least_resident_[count] = 0.0;
  for (std::size_t i = count; i-- > 0;) {
    least_time_[i] = least_time_[i + 1] + rate_[i] * of_[i]->options.front().seconds;
    least_resident_[i] = least_resident_[i + 1] + of_[i]->least_resident;
  }
  nodes_ = kNodes;
  descend(0, 0.0, 0.0, 0.0);
  return best_time_ < std::numeric_limits<double>::infinity() ? DeviceLoad{best_time_, 0.0} : too_large;
}

void DeviceLoads::descend(std::size_t i, double resident, double workspace, double time) {
  if (time + least_time_[i] >= best_time_ || nodes_ == 0) return;
  --nodes_;
  if (i == of_.size()) {
    best_time_ = time;
    best_ = chosen_;
    return;
  }
  for (const Option& option : of_[i]->options) {
    const double kept = resident + option.resident, most = std::max(workspace, option.workspace);
    if (kept + least_resident_[i + 1] + most > capacity_) continue;
    chosen_[i] = option.batch;
    descend(i + 1, kept, most, time + rate_[i] * option.seconds);
  }
}

}  // namespace quorate
