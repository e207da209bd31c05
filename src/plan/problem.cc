#include "plan/problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>
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
  const bool for_rate = options.objective != Objective::kThroughput;
  require(std::isfinite(options.rate) && (for_rate ? options.rate > 0.0 : options.rate == 0.0), "rate is ", options.rate,
          ", but must be ", for_rate ? "above 0 and finite for this objective" : "0 where the objective is throughput");
  require(options.max_latency_s > 0.0, "max_latency_s is ", options.max_latency_s, ", but must be above 0");
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
    const std::optional<std::size_t> kind = profile.kind_index(device.kind);
    require(kind.has_value(), "kind of device \"", device.name, "\" is \"", device.kind,
            "\", but must be one of the profile's: ", joined(profile.kinds));
    kinds.push_back(*kind);
  }
  return kinds;
}

// Each named cell, checked.
std::vector<std::size_t> cells_of(const std::vector<Place>& places, const char* what, const Profile& profile,
                                  const std::vector<Device>& devices, const Problem& problem) {
  std::vector<std::size_t> cells;
  for (const Place& place : places) {
    const auto model = std::find(profile.models.begin(), profile.models.end(), place.model);
    require(model != profile.models.end(), what, " names model \"", place.model,
            "\", but must name one of the profile's: ", joined(profile.models));
    const auto device =
        std::find_if(devices.begin(), devices.end(), [&](const Device& d) { return d.name == place.device; });
    require(device != devices.end(), what, " names device \"", place.device, "\", but must name one of the given devices");
    const auto of_profile = static_cast<std::size_t>(model - profile.models.begin());
    const auto m = std::find(problem.model.begin(), problem.model.end(), of_profile);
    if (m == problem.model.end()) {
      require(std::string_view(what) != "pinned", "pinned names model \"", place.model,
              "\", whose demand is 0, but must name models of positive demand");
      continue;
    }
    cells.push_back(problem.cell(static_cast<std::size_t>(device - devices.begin()),
                                 static_cast<std::size_t>(m - problem.model.begin())));
  }
  return cells;
}

}  // namespace

int Problem::smallest(std::size_t device, std::size_t m) const {
  int best = kAbsent;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    const std::size_t index = option(device, m, batch);
    if (rate[index] <= 0.0) continue;
    if (best == kAbsent || memory_bytes(index) < memory_bytes(option(device, m, static_cast<std::size_t>(best))))
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
  for (const Device& device : devices)
    require(std::isfinite(device.usd_per_hour) && device.usd_per_hour >= 0.0, "usd_per_hour of device \"", device.name,
            "\" is ", device.usd_per_hour, ", but must be at least 0");
  require(options.objective != Objective::kMoney ||
              std::any_of(devices.begin(), devices.end(), [](const Device& d) { return d.usd_per_hour > 0.0; }),
          "usd_per_hour is 0 for every device, but must be above 0 for at least one where the objective is money");
  problem.devices = devices.size();
  problem.models = problem.model.size();
  problem.batches = profile.batch_sizes.size();
  problem.pinned.assign(problem.devices * problem.models, false);
  for (std::size_t device = 0; device < problem.devices; ++device) {
    problem.capacity_bytes.push_back(devices[device].memory_bytes);
    problem.usd_per_hour.push_back(devices[device].usd_per_hour);
    problem.accelerator.push_back(!devices[device].kind.starts_with("cpu-"));
    for (const std::size_t model : problem.model)
      for (std::size_t batch = 0; batch < problem.batches; ++batch) {
        const std::size_t index = profile.index(problem.kind[device], model, batch);
        const bool fits = profile.memory_bytes[index] <= devices[device].memory_bytes;
        const std::int64_t workspace =
            options.workspace == Workspace::kLargest ? profile.workspace_bytes(problem.kind[device], model, batch) : 0;
        problem.workspace_bytes.push_back(workspace);
        problem.resident_bytes.push_back(profile.memory_bytes[index] - workspace);
        const bool quick = profile.latency_s[index] <= options.max_latency_s;
        problem.rate.push_back(fits && quick ? profile.batch_sizes[batch] / profile.latency_s[index] : 0.0);
      }
  }
  for (std::size_t kind = 0; kind < profile.kinds.size() && !profile.slowdown.empty(); ++kind)
    for (const std::size_t model : problem.model)
      for (const std::size_t other : problem.model)
        problem.slowdown.push_back(profile.slowed_by(kind, model, std::span(&other, 1)));
  for (const std::size_t cell : cells_of(options.pinned, "pinned", profile, devices, problem)) problem.pinned[cell] = true;
  for (const std::size_t cell : cells_of(options.forbidden, "forbidden", profile, devices, problem)) {
    require(!problem.pinned[cell], "model \"", profile.models[problem.model[cell % problem.models]], "\" on device \"",
            devices[cell / problem.models].name, "\" is pinned and forbidden, but must be at most one of them");
    std::fill_n(problem.rate.begin() + static_cast<std::ptrdiff_t>(cell * problem.batches), problem.batches, 0.0);
  }
  return problem;
}

std::size_t Placement::copies(const Problem& problem, std::size_t m) const {
  std::size_t count = 0;
  for (std::size_t device = 0; device < problem.devices; ++device) count += batch_[problem.cell(device, m)] != kAbsent;
  return count;
}

std::int64_t Placement::unheld_without(const Problem& problem, std::size_t device, std::size_t m) const {
  const int held = batch_[problem.cell(device, m)];
  if (held == kAbsent) return unheld_bytes_[device];
  return unheld_bytes_[device] + problem.resident_bytes[problem.option(device, m, static_cast<std::size_t>(held))];
}

std::int64_t Placement::workspace_without(const Problem& problem, std::size_t device, std::size_t m) const {
  const auto workspace = [&](std::size_t other) {
    const int held = batch_[problem.cell(device, other)];
    return held == kAbsent ? 0 : problem.workspace_bytes[problem.option(device, other, static_cast<std::size_t>(held))];
  };
  if (workspace_bytes_[device] == 0 || workspace(m) < workspace_bytes_[device]) return workspace_bytes_[device];
  std::int64_t largest = 0;
  for (std::size_t other = 0; other < problem.models; ++other)
    if (other != m) largest = std::max(largest, workspace(other));
  return largest;
}

std::int64_t Placement::missing_bytes(const Problem& problem, std::size_t device, std::size_t m, int batch) const {
  const std::size_t option = problem.option(device, m, static_cast<std::size_t>(batch));
  return std::max(problem.workspace_bytes[option], workspace_without(problem, device, m)) -
         (unheld_without(problem, device, m) - problem.resident_bytes[option]);
}

bool Placement::fits(const Problem& problem, std::size_t device, std::size_t m, int batch) const {
  if (batch == kAbsent) return true;
  return problem.rate[problem.option(device, m, static_cast<std::size_t>(batch))] > 0.0 &&
         missing_bytes(problem, device, m, batch) <= 0;
}

void Placement::place(const Problem& problem, std::size_t device, std::size_t m, int batch) {
  unheld_bytes_[device] = unheld_without(problem, device, m);
  workspace_bytes_[device] = workspace_without(problem, device, m);
  batch_[problem.cell(device, m)] = batch;
  if (batch == kAbsent) return;
  const std::size_t option = problem.option(device, m, static_cast<std::size_t>(batch));
  unheld_bytes_[device] -= problem.resident_bytes[option];
  workspace_bytes_[device] = std::max(workspace_bytes_[device], problem.workspace_bytes[option]);
}

double rate_of(const Problem& problem, const Placement& placement, std::size_t device, std::size_t m) {
  const int batch = placement.batch(problem.cell(device, m));
  if (batch == kAbsent) return 0.0;
  double factor = 1.0;
  for (std::size_t other = 0; other < problem.models && !problem.slowdown.empty(); ++other)
    if (placement.batch(problem.cell(device, other)) != kAbsent) factor = std::max(factor, problem.slowed(device, m, other));
  return problem.rate[problem.option(device, m, static_cast<std::size_t>(batch))] / factor;
}

Part part_of(const Problem& whole, std::vector<std::size_t> devices, std::vector<std::size_t> models) {
  Problem part;
  part.devices = devices.size();
  part.models = models.size();
  part.batches = whole.batches;
  for (const std::size_t m : models) {
    part.model.push_back(whole.model[m]);
    part.demand.push_back(whole.demand[m]);
  }
  for (const std::size_t device : devices) {
    part.kind.push_back(whole.kind[device]);
    part.capacity_bytes.push_back(whole.capacity_bytes[device]);
    part.usd_per_hour.push_back(whole.usd_per_hour[device]);
    part.accelerator.push_back(whole.accelerator[device]);
    for (const std::size_t m : models) {
      part.pinned.push_back(whole.pinned[whole.cell(device, m)]);
      for (std::size_t batch = 0; batch < whole.batches; ++batch) {
        const std::size_t option = whole.option(device, m, batch);
        part.rate.push_back(whole.rate[option]);
        part.resident_bytes.push_back(whole.resident_bytes[option]);
        part.workspace_bytes.push_back(whole.workspace_bytes[option]);
      }
    }
  }
  for (std::size_t first = 0; first < whole.slowdown.size(); first += whole.models * whole.models)
    for (const std::size_t m : models)
      for (const std::size_t other : models) part.slowdown.push_back(whole.slowdown[first + m * whole.models + other]);
  return {std::move(part), std::move(devices), std::move(models)};
}

Part part_of(const Problem& whole, std::vector<std::size_t> devices) {
  std::vector<std::size_t> models(whole.models);
  std::iota(models.begin(), models.end(), std::size_t{0});
  return part_of(whole, std::move(devices), std::move(models));
}

Placement Part::from(const Problem& whole, const Placement& placement) const {
  Placement result(problem);
  for (std::size_t i = 0; i < devices.size(); ++i)
    for (std::size_t j = 0; j < models.size(); ++j)
      result.place(problem, i, j, placement.batch(whole.cell(devices[i], models[j])));
  return result;
}

void Part::into(const Problem& whole, const Placement& part, Placement& placement) const {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    for (std::size_t m = 0; m < whole.models; ++m) placement.place(whole, devices[i], m, kAbsent);
    for (std::size_t j = 0; j < models.size(); ++j)
      placement.place(whole, devices[i], models[j], part.batch(problem.cell(i, j)));
  }
}

Scored score(const Problem& problem, Placement placement) {
  std::vector<double> rate(problem.devices * problem.models, 0.0);
  for (std::size_t cell = 0; cell < rate.size(); ++cell)
    rate[cell] = rate_of(problem, placement, cell / problem.models, cell % problem.models);
  Shares shares = best_shares(rate, problem.demand);
  return {std::move(placement), std::move(shares)};
}

Scored without_idle(const Problem& problem, Scored scored) {
  for (bool left = true; left;) {
    left = false;
    for (std::size_t cell = 0; cell < problem.devices * problem.models; ++cell)
      if (scored.placement.batch(cell) != kAbsent && scored.shares.share[cell] <= 0.0 && !problem.pinned[cell]) {
        scored.placement.place(problem, cell / problem.models, cell % problem.models, kAbsent);
        left = !problem.slowdown.empty();
      }
    // Those that stay are faster now, and may take what another one did.
    if (left) scored = score(problem, std::move(scored.placement));
  }
  return scored;
}

}  // namespace quorate
