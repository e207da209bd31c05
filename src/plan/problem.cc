#include "plan/problem.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/message.h"

namespace quorate {
namespace {

constexpr double kLeastDemand = 1e-9;

void check_options(const PlanOptions& options, const Profile& profile) {
  const std::size_t models = profile.models.size();
  require(options.demand.empty() || options.demand.size() == models, "demand has ", options.demand.size(),
          " entries, but must have ", models, ", one for each model of the profile");
  for (std::size_t m = 0; m < options.demand.size(); ++m) {
    require(options.demand[m] >= 0.0 && options.demand[m] <= 1.0, "demand of model \"", profile.models[m], "\" is ",
            options.demand[m], ", but must be from 0 to 1");
    // Below the LP solver's tolerances a demand would read as none, and its model would be left out.
    require(options.demand[m] == 0.0 || options.demand[m] >= kLeastDemand, "demand of model \"", profile.models[m], "\" is ",
            options.demand[m], ", but must be 0 or at least ", kLeastDemand);
  }
  require(
      options.demand.empty() || std::any_of(options.demand.begin(), options.demand.end(), [](double d) { return d > 0.0; }),
      "demand is 0 for every model, but must be above 0 for at least one");
  require(options.time_limit_s >= 0.0, "time_limit_s is ", options.time_limit_s, ", but must be at least 0");
  require(options.max_iterations >= 0, "max_iterations is ", options.max_iterations, ", but must be at least 0");
}

// [devices], as the profile counts kinds.
std::vector<std::size_t> kinds_of(const Profile& profile, const std::vector<Device>& devices) {
  require(!devices.empty(), "devices is empty, but must hold at least one device");
  std::set<std::string> names;
  std::vector<std::size_t> kinds;
  for (const Device& device : devices) {
    require(names.insert(device.name).second, "devices holds \"", device.name, "\" twice, but must hold it once");
    require(device.memory_bytes >= 0, "memory_bytes of device \"", device.name, "\" is ", device.memory_bytes,
            ", but must be at least 0");
    const auto found = std::find(profile.kinds.begin(), profile.kinds.end(), device.kind);
    require(found != profile.kinds.end(), "kind of device \"", device.name, "\" is \"", device.kind,
            "\", but must be one of the profile's: ", joined(profile.kinds));
    kinds.push_back(static_cast<std::size_t>(found - profile.kinds.begin()));
  }
  return kinds;
}

}  // namespace

int Problem::smallest(std::size_t device, std::size_t m) const {
  int best = kAbsent;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t index = option(device, m, batch);
    if (rate[index] <= 0.0) continue;
    if (best == kAbsent || memory_bytes[index] < memory_bytes[option(device, m, static_cast<std::size_t>(best))])
      best = static_cast<int>(batch);
  }
  return best;
}

Problem make_problem(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  check(profile);
  check_options(options, profile);
  Problem problem;
  problem.kind = kinds_of(profile, devices);
  for (std::size_t m = 0; m < profile.models.size(); ++m) {
    const double demand = options.demand.empty() ? 1.0 : options.demand[m];
    if (demand <= 0.0) continue;
    problem.model.push_back(m);
    problem.demand.push_back(demand);
  }
  problem.devices = devices.size();
  problem.models = problem.model.size();
  problem.batches = profile.batch_sizes.size();
  for (std::size_t device = 0; device < problem.devices; ++device) {
    problem.capacity_bytes.push_back(devices[device].memory_bytes);
    problem.accelerator.push_back(!devices[device].kind.starts_with("cpu-"));
    for (const std::size_t model : problem.model)
      for (std::size_t batch = 0; batch < problem.batches; ++batch) {
        const std::size_t index = profile.index(problem.kind[device], model, batch);
        const bool fits = profile.memory_bytes[index] <= devices[device].memory_bytes;
        problem.memory_bytes.push_back(profile.memory_bytes[index]);
        problem.rate.push_back(fits ? profile.batch_sizes[batch] / profile.latency_s[index] : 0.0);
      }
  }
  return problem;
}

std::size_t Placement::copies(const Problem& problem, std::size_t m) const {
  std::size_t count = 0;
  for (std::size_t device = 0; device < problem.devices; ++device) count += batch_[problem.cell(device, m)] != kAbsent;
  return count;
}

std::int64_t Placement::held_bytes(const Problem& problem, std::size_t device, std::size_t m) const {
  const int held = batch_[problem.cell(device, m)];
  return held == kAbsent ? 0 : problem.memory_bytes[problem.option(device, m, static_cast<std::size_t>(held))];
}

bool Placement::fits(const Problem& problem, std::size_t device, std::size_t m, int batch) const {
  if (batch == kAbsent) return true;
  const std::size_t option = problem.option(device, m, static_cast<std::size_t>(batch));
  return problem.rate[option] > 0.0 && problem.memory_bytes[option] <= free_bytes_[device] + held_bytes(problem, device, m);
}

void Placement::place(const Problem& problem, std::size_t device, std::size_t m, int batch) {
  free_bytes_[device] += held_bytes(problem, device, m);
  batch_[problem.cell(device, m)] = batch;
  free_bytes_[device] -= held_bytes(problem, device, m);
}

Scored score(const Problem& problem, Placement placement) {
  std::vector<double> rate(problem.devices * problem.models, 0.0);
  for (std::size_t cell = 0; cell < rate.size(); ++cell)
    if (const int batch = placement.batch(cell); batch != kAbsent)
      rate[cell] = problem.rate[cell * problem.batches + static_cast<std::size_t>(batch)];
  Shares shares = best_shares(rate, problem.demand);
  return {std::move(placement), std::move(shares)};
}

}  // namespace quorate
