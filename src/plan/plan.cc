#include "quorate/plan/plan.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "plan/bound.h"
#include "plan/pack.h"
#include "plan/problem.h"
#include "plan/search.h"

namespace quorate {
namespace {

constexpr std::size_t kNeighbours = 100;  // of a step, as in the paper
constexpr int kPatience = 50;             // shakes in a row that led to nothing better before the search ends
constexpr double kClose = 1e-6;           // a gap that isn't worth closing

class Clock {
 public:
  explicit Clock(double limit_s) : limit_s_(limit_s) {}
  bool over() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() >= limit_s_; }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double limit_s_;
};

struct Found {
  Scored best;
  std::string by;
};

// The bounded greedy, then steps by price, then both again from shaken placements while that helps.
Found improved(const Problem& problem, Found found, double bound, const PlanOptions& options, const Clock& clock) {
  Random random(options.seed);
  int left = options.max_iterations;
  const auto done = [&] { return left-- <= 0 || clock.over(); };
  const auto climb = [&](Scored& present, const auto& step) {
    bool climbed = false;
    while (!done()) {
      std::optional<Scored> next = step(present);
      if (!next) break;
      present = std::move(*next);
      climbed = true;
    }
    return climbed;
  };
  const auto greedy = [&](const Scored& present) { return greedy_step(problem, present, kNeighbours, random); };
  const auto priced = [&](const Scored& present) { return priced_step(problem, present, kNeighbours); };

  if (climb(found.best, greedy)) found.by = "greedy";
  if (climb(found.best, priced)) found.by = "prices";
  for (int failures = 0; failures < kPatience && found.best.shares.throughput < bound * (1.0 - kClose) && !done();
       ++failures) {
    std::optional<Scored> present = shaken(problem, found.best, random);
    if (!present) continue;
    climb(*present, priced);
    if (present->shares.throughput <= found.best.shares.throughput * (1.0 + kClose)) continue;
    found = {std::move(*present), "prices"};
    failures = 0;
  }
  return found;
}

// The price of a model that isn't placed: the least that the device time of one sample is worth.
double price_of_absent(const Profile& profile, const Problem& problem, const std::vector<Device>& devices,
                       const Shares& shares, std::size_t model) {
  double price = std::numeric_limits<double>::infinity();
  for (std::size_t device = 0; device < devices.size(); ++device)
    for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch) {
      const std::size_t index = profile.index(problem.kind[device], model, batch);
      if (profile.memory_bytes[index] <= devices[device].memory_bytes)
        price = std::min(price, shares.worth[device] * profile.latency_s[index] / profile.batch_sizes[batch]);
    }
  return price;
}

void fill(Plan& plan, const Profile& profile, const Problem& problem, const Scored& best) {
  for (std::size_t m = 0; m < problem.models; ++m) {
    for (std::size_t device = 0; device < problem.devices; ++device) {
      const std::size_t cell = problem.cell(device, m);
      // An instance without a share would still be given work by the lanes, where it is not worth it.
      if (best.shares.share[cell] <= 0.0) continue;
      const std::size_t index = plan.index(device, problem.model[m]);
      plan.batch[index] = profile.batch_sizes[static_cast<std::size_t>(best.placement.batch(cell))];
      plan.share[index] = best.shares.share[cell];
    }
    plan.price[problem.model[m]] = best.shares.price[m];
  }
  for (std::size_t model = 0; model < plan.models.size(); ++model)
    if (plan.demand[model] <= 0.0) plan.price[model] = price_of_absent(profile, problem, plan.devices, best.shares, model);
}

}  // namespace

Plan plan(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  const Clock clock(options.time_limit_s);
  const Problem problem = make_problem(profile, devices, options);
  Plan result;
  result.models = profile.models;
  result.devices = devices;
  result.batch.assign(devices.size() * profile.models.size(), 0);
  result.share.assign(devices.size() * profile.models.size(), 0.0);
  result.demand = options.demand.empty() ? std::vector<double>(profile.models.size(), 1.0) : options.demand;
  result.price.assign(profile.models.size(), 0.0);

  Packing packing = pack(problem, profile, devices);
  result.why = packing.why;
  if (!packing.placement) return result;
  result.feasible = true;
  result.bound = upper_bound(problem);
  const Found found =
      improved(problem, {score(problem, std::move(*packing.placement)), packing.found_by}, result.bound, options, clock);
  result.throughput = found.best.shares.throughput;
  result.found_by = found.by;
  fill(result, profile, problem, found.best);
  return result;
}

}  // namespace quorate
