// Planning problems whose answers are obvious.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "quorate/plan/plan.h"

namespace quorate {

// Time never decides in these tests.
inline PlanOptions patient(std::vector<double> demand, int max_iterations = 1000) {
  return {.demand = std::move(demand), .time_limit_s = 1e9, .max_iterations = max_iterations};
}

// Models of the same rate on one kind, batch 1 only.
inline Profile even_profile(const std::vector<std::int64_t>& memory_bytes, const std::string& kind = "gpu") {
  Profile profile;
  profile.batch_sizes = {1};
  profile.kinds = {kind};
  for (std::size_t m = 0; m < memory_bytes.size(); ++m) profile.models.push_back("m" + std::to_string(m));
  profile.latency_s.assign(memory_bytes.size(), 0.1);
  profile.memory_bytes = memory_bytes;
  return profile;
}

inline Device gpu(const std::string& name, std::int64_t memory_bytes) { return {name, "gpu", memory_bytes}; }

}  // namespace quorate
