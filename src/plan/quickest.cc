#include "plan/quickest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "plan/answer.h"
#include "plan/clock.h"
#include "plan/problem.h"
#include "quorate/core/random.h"
#include "quorate/plan/simulate.h"

namespace quorate {
namespace {

constexpr std::size_t kLimits = 8;

// On a batch's latency, falling: some of those that a batch can have, evenly spread over their order. Below the last, a
// model would run nowhere.
std::vector<double> limits(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  const Problem problem = make_problem(profile, devices, options);
  std::vector<double> latencies_s;
  double least_s = 0.0;
  for (std::size_t m = 0; m < problem.models; ++m) {
    double fastest_s = std::numeric_limits<double>::infinity();
    for (std::size_t device = 0; device < problem.devices; ++device)
      for (std::size_t batch = 0; batch < problem.batches; ++batch) {
        if (problem.rate[problem.option(device, m, batch)] <= 0.0) continue;
        const double latency_s = profile.latency_s[profile.index(problem.kind[device], problem.model[m], batch)];
        fastest_s = std::min(fastest_s, latency_s);
        latencies_s.push_back(latency_s);
      }
    least_s = std::max(least_s, fastest_s);
  }
  std::erase_if(latencies_s, [&](double latency_s) { return latency_s < least_s; });
  std::ranges::sort(latencies_s, std::greater<>());
  latencies_s.erase(std::unique(latencies_s.begin(), latencies_s.end()), latencies_s.end());
  std::vector<double> chosen = {options.max_latency_s};
  const std::size_t more = std::min(kLimits - 1, latencies_s.size());
  for (std::size_t i = 1; i <= more; ++i) chosen.push_back(latencies_s[i * latencies_s.size() / more - 1]);
  return chosen;
}

}  // namespace

std::vector<double> random_stream(double rate, std::size_t samples, std::uint64_t seed) {
  Random random(seed, 4);
  std::vector<double> arrivals_s = {0.0};
  while (arrivals_s.size() < samples) arrivals_s.push_back(arrivals_s.back() - std::log(1.0 - random.uniform()) / rate);
  return arrivals_s;
}

Plan quickest(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  const Clock clock(options.time_limit_s);
  const std::vector<double> chosen = limits(profile, devices, options);
  const std::vector<double> arrivals_s = random_stream(options.rate, kStreamSamples, options.seed);
  Plan best;
  double most = 0.0, bound = 0.0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    PlanOptions limited = options;
    limited.objective = Objective::kThroughput;
    limited.rate = 0.0;
    limited.max_latency_s = chosen[i];
    limited.time_limit_s = std::max(0.0, clock.left_s()) / static_cast<double>(chosen.size() - i);
    Plan found = plan(profile, devices, limited);
    if (i == 0) {
      if (!found.feasible) return found;
      bound = found.bound;
    }
    most = std::max(most, found.throughput);
    if (!found.feasible || found.throughput < options.rate) continue;
    found.p99_latency_s = simulate(found, profile, arrivals_s).p99_latency_s;
    if (!best.feasible || found.p99_latency_s < best.p99_latency_s) best = std::move(found);
  }
  if (!best.feasible) {
    best = unanswered(profile, devices, options);
    best.why = rate_missed(options.rate, most, bound);
  }
  best.bound = best.feasible ? bound : 0.0;
  return best;
}

}  // namespace quorate
