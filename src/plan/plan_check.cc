#include <cmath>

#include "core/message.h"
#include "quorate/plan/plan.h"

namespace quorate {
namespace {

void check_size(std::size_t size, std::size_t wanted, const char* what, const char* shape) {
  require(size == wanted, what, " has ", size, " entries, but must have ", wanted, ": ", shape);
}

void check_cell(const Plan& plan, std::size_t device, std::size_t model) {
  const auto where = [&] {
    return message(" of model \"", plan.models[model], "\" on device \"", plan.devices[device].name, "\"");
  };
  const int batch = plan.batch[plan.index(device, model)];
  const double share = plan.share[plan.index(device, model)];
  if (batch < 0) require(false, "batch", where(), " is ", batch, ", but must be at least 0");
  if (!(share >= 0.0 && share <= 1.0)) require(false, "share", where(), " is ", share, ", but must be from 0 to 1");
  if (batch == 0 && share > 0.0) require(false, "share", where(), " is ", share, ", but must be 0 where batch is 0");
}

}  // namespace

void check(const Plan& plan) {
  const std::size_t devices = plan.devices.size(), models = plan.models.size();
  require(devices > 0, "devices is empty, but must hold at least one device");
  require(models > 0, "models is empty, but must hold at least one name");
  check_size(plan.batch.size(), devices * models, "batch", "[devices, models]");
  check_size(plan.share.size(), devices * models, "share", "[devices, models]");
  check_size(plan.demand.size(), models, "demand", "[models]");
  check_size(plan.price.size(), models, "price", "[models]");
  for (std::size_t model = 0; model < models; ++model) {
    const double demand = plan.demand[model];
    require(demand >= 0.0 && demand <= 1.0, "demand of model \"", plan.models[model], "\" is ", demand,
            ", but must be from 0 to 1");
    require(plan.price[model] >= 0.0, "price of model \"", plan.models[model], "\" is ", plan.price[model],
            ", but must be at least 0");
  }
  for (std::size_t device = 0; device < devices; ++device) {
    double sum = 0.0;
    for (std::size_t model = 0; model < models; ++model) {
      check_cell(plan, device, model);
      sum += plan.share[plan.index(device, model)];
    }
    require(sum <= 1.0 + 1e-9, "share of device \"", plan.devices[device].name, "\" sums to ", sum,
            ", but must be at most 1");
  }
  require(std::isfinite(plan.throughput) && plan.throughput >= 0.0, "throughput is ", plan.throughput,
          ", but must be at least 0");
  require(std::isfinite(plan.least_cost) && plan.least_cost >= 0.0, "least_cost is ", plan.least_cost,
          ", but must be at least 0");
  require(std::isfinite(plan.p99_latency_s) && plan.p99_latency_s >= 0.0, "p99_latency_s is ", plan.p99_latency_s,
          ", but must be at least 0");
  require(std::isfinite(plan.bound) && plan.bound >= 0.0, "bound is ", plan.bound, ", but must be at least 0");
}

}  // namespace quorate
