// What a plan does with a stream of samples, without running a model.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/plan/plan.h"

namespace quorate {

struct Simulation {
  std::vector<double> latency_s;  // [samples], from a sample's arrival to its answer
  double mean_latency_s = 0.0;
  double p50_latency_s = 0.0;  // the least latency that half of the samples do not exceed
  double p99_latency_s = 0.0;
  double max_latency_s = 0.0;
  double makespan_s = 0.0;             // from the first arrival to the last answer
  double throughput = 0.0;             // samples / makespan_s; infinity where no sample reaches a model
  std::vector<double> utilisation;     // [devices]: the share of makespan_s that it was busy
  std::vector<std::size_t> max_queue;  // [models]: the most samples that waited at once, after free devices took theirs

  bool operator==(const Simulation&) const = default;
};

struct SimulateOptions {
  std::vector<double> demand = {};  // [models] in [0, 1]; empty: the plan's
};

// Discrete events, no randomness: the same arguments give the same result. Sample i arrives at arrivals_s[i] (ascending) and
// reaches model m where floor((i + 1) demand[m]) > floor(i demand[m]), an even thinning; all of its models at once, as if a
// cascade decided without running. It is answered when all of them have run it; at once where it reaches none. Each model
// has one first-in, first-out queue. A device that is free runs at once the model that pick_next() (policy.h) chooses, on as
// many samples as wait, up to the plan's batch; of several free devices the first takes first. A batch of n samples takes
// the latency of the smallest profiled batch size >= n that the model runs at on that kind. Latencies are the profile's:
// neither variance nor the time to move data is in it. Throws std::invalid_argument for an infeasible plan, one for other
// models or batch sizes than the profile's, arrivals that are empty, not finite or descending, and demands outside [0, 1] or
// positive for a model that the plan does not place. O(samples x models + batches x (hosted models + log devices)).
Simulation simulate(const Plan& plan, const Profile& profile, std::span<const double> arrivals_s,
                    const SimulateOptions& options = {});

}  // namespace quorate
