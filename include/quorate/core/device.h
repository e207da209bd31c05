// A place that models run on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quorate {

struct Device {
  std::string name;               // unique on this machine: "cpu:0", "cuda:0"
  std::string kind;               // devices of one kind run a model equally fast: "cpu-1core", "h200"
  std::int64_t memory_bytes = 0;  // what models may use of it
  double usd_per_hour = 0.0;      // 0 where it costs nothing or nobody knows
  std::vector<int> cores = {};    // the CPU cores that it stands for; empty for other devices

  bool operator==(const Device&) const = default;
};

// One device for each group: `cores[i]` cores of those that this process may use, in ascending order, none of them shared.
// Names are "cpu:0", "cpu:1" ..., kinds "cpu-1core", "cpu-2core" ...; memory is what the machine has available now, split
// in proportion to the cores. Throws std::invalid_argument where a group is empty or more cores are asked for than there
// are.
std::vector<Device> cpu_devices(std::span<const int> cores);

// What this machine offers: the CPU as one device of all cores that this process may use.
std::vector<Device> discover_devices();

}  // namespace quorate
