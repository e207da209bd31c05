// From a plan that runs to one for changed devices or demand, moving little.
#pragma once

#include <string>
#include <vector>

#include "quorate/plan/plan.h"

namespace quorate {

struct PlanChange {
  enum class Kind { kLoad, kUnload, kResize };
  Kind kind = Kind::kLoad;
  std::string model, device;
  int from_batch = 0, to_batch = 0;     // 0: not there
  std::int64_t device_bytes_after = 0;  // what the device holds then, by the options' workspace rule

  bool operator==(const PlanChange&) const = default;
};

struct Replan {
  Plan plan;
  // In an order in which no device ever holds more than its memory: what can be loaded at once first, so that models stay
  // served where there is room. Instances on devices that are gone are not listed. Empty where the plan is infeasible.
  std::vector<PlanChange> changes;
  std::vector<std::string> unserved;  // models that no device hosts for a while in between, and did before
};

struct ReplanOptions {
  PlanOptions plan = {};
  // A load or a new batch size beyond those that coverage needs must raise the throughput by this part of it at least: 0
  // moves whatever helps, infinity only what must be.
  double least_gain = 0.02;
};

// Keeps `running`'s instances on the devices that are still there, by name, as far as memory and the options allow; hosts
// the models that lack a place, with few others moved; then makes the change that raises the throughput most for each
// instance moved, while one is worth options.least_gain. The bound is the one of plan(). Where keeping leads to no placement
// though one exists, plans anew. Options as for plan(), for the objective of throughput and the algorithm kSearch alone.
// Throws what plan() throws, and std::invalid_argument where `running` is for other models, a batch of it is not the
// profile's, or least_gain is negative.
Replan replan(const Plan& running, const Profile& profile, const std::vector<Device>& devices,
              const ReplanOptions& options = {});

}  // namespace quorate
