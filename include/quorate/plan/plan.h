// Which model runs on which device, at which batch size, with which share of the device's time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quorate/core/device.h"
#include "quorate/plan/profile.h"

namespace quorate {

// `throughput` samples/s flow through the committee when model m sees demand[m] of them: the least of rate(m) / demand[m]
// over the models, where rate(m) is the sum over devices of share x batch / latency_s (Pochelu et al., arXiv 2208.14049, with
// shares of a device's time in place of a measured run).
struct Plan {
  std::vector<std::string> models;  // the profile's
  std::vector<Device> devices;
  std::vector<int> batch;      // [devices, models]; 0 = absent
  std::vector<double> share;   // [devices, models] in [0, 1]; a device's sum is at most 1
  std::vector<double> demand;  // [models] in [0, 1]
  double throughput = 0.0;     // samples/s
  double bound = 0.0;          // no plan for this problem has more: proven
  std::vector<double> price;   // [models]: what one more sample on a model takes from the throughput; demand x price sums to 1
  bool feasible = false;
  std::string why;             // where infeasible: the model, the device and the bytes that are short; else empty
  std::string found_by;        // "worst-fit", "greedy"

  double gap() const { return bound > 0.0 ? 1.0 - throughput / bound : 0.0; }
  std::size_t index(std::size_t device, std::size_t model) const { return device * models.size() + model; }
  bool operator==(const Plan&) const = default;
};

enum class Objective { kThroughput };

struct PlanOptions {
  std::vector<double> demand = {};  // [models] in [0, 1], e.g. a cascade's reach; empty: 1 for each. A model of demand 0 is not placed.
  Objective objective = Objective::kThroughput;
  double time_limit_s = 1.0;   // the best plan found by then
  int max_iterations = 1000;   // the greedy's steps at most; with a time limit that is not reached, the plan depends on this and the seed alone
  std::uint64_t seed = 0;
};

// Places every model of positive demand at least once: worst-fit-decreasing by memory, then the bounded greedy of
// arXiv 2208.14049 (changes of one cell of the allocation matrix, the best of a sample of neighbours a step), scored by the
// exact best shares for the placement. An infeasible problem is an answer, not an error: `feasible` is false and `why` says what is
// short. Throws std::invalid_argument for no devices, a kind that the profile lacks, demands outside [0, 1] or all zero.
Plan plan(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options = {});

std::string to_json(const Plan& plan);
Plan plan_from_json(std::string_view text, const std::string& name = "plan");

}  // namespace quorate
