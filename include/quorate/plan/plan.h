// Which model runs on which device, at which batch size, with which share of the device's time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/core/device.h"
#include "quorate/plan/profile.h"

namespace quorate {

// `throughput` samples/s flow through the committee when model m sees demand[m] of them: the least of rate(m) / demand[m]
// over the models, where rate(m) is the sum over devices of share x batch / (latency_s x the profile's slowdown by what else
// the device hosts) (Pochelu et al., arXiv 2208.14049, with shares of a device's time in place of a measured run).
struct Plan {
  std::vector<std::string> models;  // the profile's
  std::vector<Device> devices;
  std::vector<int> batch;      // [devices, models]; 0 = absent
  std::vector<double> share;   // [devices, models] in [0, 1], above 0 where placed; a device's sum is at most 1
  std::vector<double> demand;  // [models] in [0, 1]
  double throughput = 0.0;     // samples/s
  double bound = 0.0;          // no plan for this problem has more: proven
  // [models]: the throughput that one more sample/s on the model takes away (the dual of its row in the share program for
  // this placement); demand x price sums to 1. Of a model of demand 0: what its cheapest place would cost, infinity where it
  // fits none.
  std::vector<double> price;
  bool feasible = false;
  std::string why;  // where infeasible: the model, the device and the bytes that are short, and what is proven; else empty
  // "worst-fit", "packing", "batch", "greedy", "columns", "reassigning", "annealing", "regrouping", "branching"; empty where
  // infeasible
  std::string found_by;
  // Where the objective is money or devices: no plan of the asked rate costs less (in usd_per_hour, or devices), proven.
  // Else 0.
  double least_cost = 0.0;
  double p99_latency_s = 0.0;  // of the simulated stream where the objective is latency; else 0

  double gap() const { return bound > 0.0 ? 1.0 - throughput / bound : 0.0; }
  bool in_use(std::size_t device) const;  // does it host a model?
  double usd_per_hour() const;            // of the devices in use
  std::size_t devices_in_use() const;
  std::size_t index(std::size_t device, std::size_t model) const { return device * models.size() + model; }
  bool operator==(const Plan&) const = default;
};

// The most throughput; or, for a throughput of at least `rate`, the least money or the fewest devices; or the least p99
// latency of a stream of `rate` samples/s.
enum class Objective { kThroughput, kMoney, kDevices, kLatency };

// kSearch is ours. The others are those of arXiv 2208.14049, to compare with: worst-fit-decreasing by memory with
// accelerators before CPUs; batch sizes tuned on its placement; the bounded greedy from there.
enum class Algorithm { kSearch, kWorstFit, kBatch, kGreedy };

// How the workspaces of a device's batches add up. Lanes that take turns, as the engine's do, can use the same memory one
// after the other; lanes that run at once can't.
enum class Workspace { kLargest, kSum };

// A model and a device, by name.
struct Place {
  std::string model, device;
  bool operator==(const Place&) const = default;
};

struct PlanOptions {
  // [models] in [0, 1], e.g. a cascade's reach; empty: 1 for each. A model of demand 0 is not placed.
  std::vector<double> demand = {};
  Objective objective = Objective::kThroughput;
  double rate = 0.0;  // samples/s, 0 for kThroughput, else above 0
  // Of a batch, by the profile's latency without a slowdown: larger batches are not used, and a model runs on no device that
  // takes longer for its smallest.
  double max_latency_s = std::numeric_limits<double>::infinity();
  std::vector<Place> pinned = {};     // placed there whatever it earns, with a share of 0 where it earns nothing
  std::vector<Place> forbidden = {};  // never placed there
  Algorithm algorithm = Algorithm::kSearch;
  // Of what profile.weights_bytes leaves of memory_bytes; without weights_bytes the sum of memory_bytes must fit in either.
  Workspace workspace = Workspace::kLargest;
  // The best plan found by then, looked at between steps. Where the search ends before, the plan depends on the seed and
  // max_iterations alone.
  double time_limit_s = 1.0;
  int max_iterations = 1000;  // steps of the search at most, each of up to 100 placements scored
  std::uint64_t seed = 0;
};

// Places every model of positive demand at least once. By default from worst-fit-decreasing (arXiv 2208.14049): columns of
// what a device can host (Dantzig and Wolfe 1960), which also prove the bound, are rounded to a placement; annealing moves
// whole models between devices until these carry more, and changes single cells where the prices of the best shares promise
// a gain, until 24 rounds led to nothing better or the bound is reached; where few cells are to fill, branching (Barnhart et
// al. 1998) closes the gap. For the least latency it plans for throughput under up to 8 limits on a batch's latency, up to
// max_latency_s, and simulates 4,000 samples that come at random moments (Poisson) on each plan that has the rate; no bound
// on the latency is proven. An infeasible problem is an answer, not an error: `feasible` is false and `why` says what is
// short. Throws std::invalid_argument for no devices, a device named twice, negative memory, a kind that the profile lacks,
// demands outside [0, 1], between 0 and 1e-9 or all zero, limits that are negative, a rate that the objective does not take,
// places that name no model or device or are both pinned and forbidden, and what check(profile) throws.
Plan plan(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options = {});

// [devices]: what each holds under the plan, its workspace included. Throws std::invalid_argument where the plan is for
// other models, kinds or batch sizes than the profile's.
std::vector<std::int64_t> device_bytes(const Plan& plan, const Profile& profile, Workspace workspace = Workspace::kLargest);

// Throws std::invalid_argument naming the entry and its value: shapes that do not match, negative batches, shares outside
// [0, 1] or beyond a device's time, demands outside [0, 1], prices that are negative, rates that are negative or not finite.
void check(const Plan& plan);

// A document of text, checked on the way out and in. Reading throws FileError, calling the document `name`.
std::string to_json(const Plan& plan);
Plan plan_from_json(std::string_view text, const std::string& name = "plan");
void save(const Plan& plan, const std::filesystem::path& path);
Plan load_plan(const std::filesystem::path& path);

}  // namespace quorate
