#include "plan/answer.h"

#include <algorithm>
#include <limits>

#include "core/message.h"

namespace quorate {
namespace {

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

}  // namespace

std::string rate_missed(double rate, double best_found, double bound) {
  return message("rate is ", rate, " samples/s, but the best plan found has ", best_found, ", and no plan has more than ",
                 bound);
}

void answer(Plan& plan, const Profile& profile, const Problem& problem, const Solution& found) {
  const Scored best = without_idle(problem, found.best);
  plan.feasible = true;
  plan.bound = found.bound;
  plan.throughput = best.shares.throughput;
  plan.found_by = found.found_by;
  for (std::size_t m = 0; m < problem.models; ++m) {
    for (std::size_t device = 0; device < problem.devices; ++device) {
      const std::size_t cell = problem.cell(device, m);
      if (best.placement.batch(cell) == kAbsent) continue;
      const std::size_t index = plan.index(device, problem.model[m]);
      plan.batch[index] = profile.batch_sizes[static_cast<std::size_t>(best.placement.batch(cell))];
      plan.share[index] = best.shares.share[cell];
    }
    plan.price[problem.model[m]] = best.shares.price[m];
  }
  for (std::size_t model = 0; model < plan.models.size(); ++model)
    if (plan.demand[model] <= 0.0) plan.price[model] = price_of_absent(profile, problem, plan.devices, best.shares, model);
}

Plan unanswered(const Profile& profile, const std::vector<Device>& devices, const PlanOptions& options) {
  Plan plan;
  plan.models = profile.models;
  plan.devices = devices;
  plan.batch.assign(devices.size() * profile.models.size(), 0);
  plan.share.assign(devices.size() * profile.models.size(), 0.0);
  plan.demand = options.demand.empty() ? std::vector<double>(profile.models.size(), 1.0) : options.demand;
  plan.price.assign(profile.models.size(), 0.0);
  return plan;
}

bool Plan::in_use(std::size_t device) const {
  for (std::size_t model = 0; model < models.size(); ++model)
    if (batch[index(device, model)] > 0) return true;
  return false;
}

double Plan::usd_per_hour() const {
  double sum = 0.0;
  for (std::size_t device = 0; device < devices.size(); ++device)
    if (in_use(device)) sum += devices[device].usd_per_hour;
  return sum;
}

std::size_t Plan::devices_in_use() const {
  std::size_t count = 0;
  for (std::size_t device = 0; device < devices.size(); ++device) count += in_use(device);
  return count;
}

void check_for(const Plan& plan, const Profile& profile) {
  check(plan);
  check(profile);
  require(plan.models == profile.models, "plan is for models ", joined(plan.models),
          ", but must be for the profile's: ", joined(profile.models));
  for (std::size_t device = 0; device < plan.devices.size(); ++device) {
    const Device& on = plan.devices[device];
    require(profile.kind_index(on.kind).has_value(), "kind of device \"", on.name, "\" is \"", on.kind,
            "\", but must be one of the profile's: ", joined(profile.kinds));
    for (std::size_t model = 0; model < plan.models.size(); ++model) {
      const int size = plan.batch[plan.index(device, model)];
      require(size == 0 || profile.batch_index(size).has_value(), "batch of model \"", plan.models[model], "\" on device \"",
              on.name, "\" is ", size, ", but must be 0 or one of the profile's: ", joined(profile.batch_sizes));
    }
  }
}

std::int64_t bytes_on(std::size_t device, const Plan& plan, const Profile& profile, Workspace workspace) {
  const std::size_t kind = profile.kind_index(plan.devices[device].kind).value();
  std::int64_t resident = 0, beside = 0;
  for (std::size_t model = 0; model < plan.models.size(); ++model) {
    const int size = plan.batch[plan.index(device, model)];
    if (size == 0) continue;
    const std::size_t batch = profile.batch_index(size).value();
    const std::int64_t more = profile.workspace_bytes(kind, model, batch);
    resident += profile.resident_bytes(kind, model, batch);
    beside = workspace == Workspace::kSum ? beside + more : std::max(beside, more);
  }
  return resident + beside;
}

std::vector<std::int64_t> device_bytes(const Plan& plan, const Profile& profile, Workspace workspace) {
  check_for(plan, profile);
  std::vector<std::int64_t> result;
  for (std::size_t device = 0; device < plan.devices.size(); ++device)
    result.push_back(bytes_on(device, plan, profile, workspace));
  return result;
}

}  // namespace quorate
