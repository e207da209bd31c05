// The least p99 latency at a rate, judged by simulation.
#pragma once

#include <cstdint>
#include <vector>

#include "quorate/plan/plan.h"

namespace quorate {

constexpr std::size_t kStreamSamples = 4000;  // that a plan is judged by

// Ascending from 0: the gaps are exponential with a mean of 1 / rate.
std::vector<double> random_stream(double rate, std::size_t samples, std::uint64_t seed);

// Large batches keep devices busy for long, small ones waste their time: which limit on a batch's latency is best depends on
// the load. So the most throughput is planned for under several limits, from none to the least that lets every model run,
// each with an equal part of what is left of the time, and the plan that has the rate and the least p99 latency on
// random_stream() is given back, with the bound of the one without a limit. Options as checked, for kLatency.
Plan quickest(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options);

}  // namespace quorate
