#include "quorate/core/device.h"

#include <sched.h>

#include <fstream>
#include <numeric>

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/core/parallel.h"

namespace quorate {
namespace {

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

std::int64_t available_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (std::int64_t kib = 0; file >> key >> kib; std::getline(file, unit))
    if (key == "MemAvailable:") return kib * 1024;
  throw FileError("/proc/meminfo", "has no line MemAvailable");
}

}  // namespace

std::vector<Device> cpu_devices(std::span<const int> cores) {
  const std::vector<int> usable = usable_cores();
  for (std::size_t i = 0; i < cores.size(); ++i)
    require(cores[i] >= 1, "cores[", i, "] is ", cores[i], ", but must be at least 1");
  const auto wanted = std::accumulate(cores.begin(), cores.end(), std::size_t{0});
  require(!cores.empty(), "cores is empty, but must name at least one group");
  require(wanted <= usable.size(), "cores asks for ", wanted, " cores, but this process may use ", usable.size());

  const std::int64_t memory_bytes = available_memory_bytes();
  std::vector<Device> devices;
  auto next = usable.begin();
  for (std::size_t i = 0; i < cores.size(); ++i) {
    Device device;
    device.name = "cpu:" + std::to_string(i);
    device.kind = "cpu-" + std::to_string(cores[i]) + "core";
    device.memory_bytes = memory_bytes / static_cast<std::int64_t>(wanted) * cores[i];
    device.cores.assign(next, next + cores[i]);
    next += cores[i];
    devices.push_back(std::move(device));
  }
  return devices;
}

std::vector<Device> discover_devices() {
  const int all = available_cores();
  return cpu_devices({&all, 1});
}

}  // namespace quorate
