// The least time of a device by trying every choice of batch sizes.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "plan/device_load.h"

namespace quorate::oracle {

// Infinity where no choice fits the device's memory.
inline double least_time(const Problem& problem, std::size_t device, const std::vector<Duty>& duties, std::size_t i = 0,
                         double resident = 0.0, double workspace = 0.0) {
  const auto capacity = static_cast<double>(problem.capacity_bytes[device]);
  if (resident + workspace > capacity) return std::numeric_limits<double>::infinity();
  if (i == duties.size()) return 0.0;
  double slowed = 1.0, least = std::numeric_limits<double>::infinity();
  for (const Duty& other : duties) slowed = std::max(slowed, problem.slowed(device, duties[i].m, other.m));
  for (std::size_t batch = 0; batch < problem.batches; ++batch) {
    const std::size_t option = problem.option(device, duties[i].m, batch);
    if (problem.rate[option] <= 0.0) continue;
    const double rest =
        least_time(problem, device, duties, i + 1, resident + static_cast<double>(problem.resident_bytes[option]),
                   std::max(workspace, static_cast<double>(problem.workspace_bytes[option])));
    least = std::min(least, rest + slowed * duties[i].rate / problem.rate[option]);
  }
  return least;
}

}  // namespace quorate::oracle
