// What a plan does with a stream of samples, without running a model.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quorate/plan/plan.h"

namespace quorate {

// A batch that a device ran.
struct SimulatedBatch {
  std::size_t device = 0;
  std::size_t model = 0;
  std::size_t samples = 0;
  double begin_s = 0.0;  // from the first arrival
  double end_s = 0.0;

  bool operator==(const SimulatedBatch&) const = default;
};

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
  std::vector<double> mean_queue;      // [models]: samples that waited, averaged over makespan_s
  std::size_t max_outside = 0;         // the most samples at once that had arrived and were not let in yet
  std::vector<std::size_t> asked;      // [models]: samples that it ran
  std::size_t batches = 0;             // that devices ran
  std::vector<SimulatedBatch> record;  // those that began before SimulateOptions::record_s, in order of their beginning

  bool operator==(const Simulation&) const = default;
};

struct SimulateOptions {
  // [models] in [0, 1]; empty: the plan's. Without `tiers`: sample i reaches model m where floor((i + 1) demand[m]) >
  // floor(i demand[m]), an even thinning, and asks all of its models at once.
  std::vector<double> demand = {};

  // A cascade: [tiers] of indices of models, each model in at most one. A sample asks all models of its tier at once; the
  // next tier, where it goes on, when the last of them has answered.
  std::vector<std::vector<std::size_t>> tiers = {};
  // With tiers, one of these. [samples], the tier that answers each: what evaluate() or an engine measured.
  std::vector<std::size_t> tier = {};
  // [tiers], the share of the stream that a tier is asked by: 1, then not ascending. Of the samples that ask tier k, every
  // (reach[k] / reach[k + 1])-th asks tier k + 1, evenly. Both empty: the plan's largest demand of each tier's models,
  // where that does not ascend.
  std::vector<double> reach = {};

  double record_s = 0.0;  // see Simulation::record
};

// Discrete events, no randomness: the same arguments give the same result. Sample i arrives at arrivals_s[i] (ascending);
// those that arrive at the same moment are one request. Requests are let in as the engine does it (admission.h), in
// segments that take turns. Each model has one first-in, first-out queue. A device that is free runs at once the model that
// pick_next() (policy.h) chooses by the plan's demand, on as many samples as samples_to_take() says: those that wait, up to
// the plan's batch, less where devices would be left idle; of several free devices the first takes first. Of one moment:
// batches end, in the devices' order; what arrives joins; segments are let in; free devices take. A batch of n samples takes
// latency_of_batch() (interpolate.h) x what slows it down (Profile::slowed_by). Latencies are the profile's: neither
// variance nor the time to move data is in it.
//
// Throws std::invalid_argument for an infeasible plan, one for other models or batch sizes than the profile's, arrivals
// that are empty, not finite or descending, demands outside [0, 1], tiers, exits or reach that are not as said above, and
// models that are asked but not placed or of which the plan's demand is 0. O(samples x models + batches x (hosted models +
// log devices)): nothing is done for each device at each event.
Simulation simulate(const Plan& plan, const Profile& profile, std::span<const double> arrivals_s,
                    const SimulateOptions& options = {});

}  // namespace quorate
