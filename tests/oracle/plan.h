// The best plan by trying every allocation, and a checker of plans that shares no code with the planner.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/message.h"
#include "quorate/plan/plan.h"

namespace quorate::oracle {

// The most throughput for fixed rates [devices, models] of at most 3 models, exactly. By duality it is the least of
// sum_d max_m w[m] / demand[m] x rate[d, m] over weights w >= 0 that sum to 1: convex and piecewise linear, so the least
// lies where two of the lines meet along which two models are worth the same to a device or a model's weight is 0.
inline double best_throughput(const std::vector<double>& rate, const std::vector<double>& demand) {
  using Vector = std::array<double, 3>;
  const std::size_t models = demand.size();
  const auto scaled = [&](std::size_t first, std::size_t m) { return rate[first + m] / demand[m]; };
  std::vector<Vector> lines = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
  for (std::size_t first = 0; first < rate.size(); first += models)
    for (std::size_t a = 0; a < models; ++a)
      for (std::size_t b = a + 1; b < models; ++b) {
        Vector line = {0, 0, 0};
        line[a] = scaled(first, a);
        line[b] = -scaled(first, b);
        lines.push_back(line);
      }
  double least = std::numeric_limits<double>::infinity();
  for (const Vector& p : lines)
    for (const Vector& q : lines) {
      Vector w = {p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
      const double sum = w[0] + w[1] + w[2];
      bool inside = std::abs(sum) > 1e-300;
      for (std::size_t m = 0; m < 3; ++m) {
        w[m] /= sum;
        inside = inside && w[m] >= -1e-12 && (m < models || std::abs(w[m]) < 1e-12);
      }
      if (!inside) continue;
      double value = 0.0;
      for (std::size_t first = 0; first < rate.size(); first += models) {
        double worth = 0.0;
        for (std::size_t m = 0; m < models; ++m) worth = std::max(worth, w[m] * scaled(first, m));
        value += worth;
      }
      least = std::min(least, value);
    }
  return least;
}

struct BestPlan {
  bool feasible = false;
  double throughput = 0.0;
};

// What a device holds: instances are added one by one.
class Held {
 public:
  explicit Held(Workspace rule) : rule_(rule) {}
  void add(const Profile& profile, std::size_t kind, std::size_t model, std::size_t batch) {
    resident_ += profile.resident_bytes(kind, model, batch);
    const std::int64_t workspace = profile.workspace_bytes(kind, model, batch);
    workspace_ = rule_ == Workspace::kSum ? workspace_ + workspace : std::max(workspace_, workspace);
  }
  std::int64_t bytes() const { return resident_ + workspace_; }

 private:
  Workspace rule_;
  std::int64_t resident_ = 0, workspace_ = 0;
};

// How much longer a model's batches take beside the others.
inline double slower(const Profile& profile, std::size_t kind, std::size_t model, const std::vector<std::size_t>& hosted) {
  double factor = 1.0;
  const std::size_t models = profile.models.size();
  for (const std::size_t other : hosted)
    if (!profile.slowdown.empty() && profile.slowdown.at(kind * models * models + model * models + other) > factor)
      factor = profile.slowdown[kind * models * models + model * models + other];
  return factor;
}

// What every cell hosts, [devices, models of positive demand]: 1 + the index of a batch size, 0 for nothing.
using Allocation = std::vector<std::size_t>;

// Every batch or none for every cell, within memory, every model of positive demand hosted. At most 3 such models. Only of
// allocations that are `allowed`.
inline BestPlan best_plan(
    const Profile& profile, const std::vector<Device>& devices, const std::vector<double>& demand,
    Workspace workspace = Workspace::kLargest,
    const std::function<bool(const Allocation&)>& allowed = [](const Allocation&) { return true; }) {
  std::vector<std::size_t> models;
  std::vector<double> wanted;
  for (std::size_t m = 0; m < demand.size(); ++m)
    if (demand[m] > 0.0) {
      models.push_back(m);
      wanted.push_back(demand[m]);
    }
  const std::size_t cells = devices.size() * models.size(), options = profile.batch_sizes.size() + 1;
  Allocation choice(cells, 0);
  BestPlan best;
  for (bool more = true; more;) {
    std::vector<double> rate(cells, 0.0);
    std::vector<bool> hosted(models.size(), false);
    bool fits = true;
    for (std::size_t device = 0; device < devices.size(); ++device) {
      const auto kind = static_cast<std::size_t>(
          std::find(profile.kinds.begin(), profile.kinds.end(), devices[device].kind) - profile.kinds.begin());
      Held held(workspace);
      std::vector<std::size_t> here;
      for (std::size_t i = 0; i < models.size(); ++i)
        if (choice[device * models.size() + i] > 0) here.push_back(models[i]);
      for (std::size_t i = 0; i < models.size(); ++i) {
        const std::size_t chosen = choice[device * models.size() + i];
        if (chosen == 0) continue;
        const std::size_t index = profile.index(kind, models[i], chosen - 1);
        held.add(profile, kind, models[i], chosen - 1);
        fits = fits && std::isfinite(profile.latency_s[index]);
        rate[device * models.size() + i] =
            profile.batch_sizes[chosen - 1] / (profile.latency_s[index] * slower(profile, kind, models[i], here));
        hosted[i] = true;
      }
      fits = fits && held.bytes() <= devices[device].memory_bytes;
    }
    if (fits && allowed(choice) && std::all_of(hosted.begin(), hosted.end(), [](bool h) { return h; })) {
      best.feasible = true;
      best.throughput = std::max(best.throughput, best_throughput(rate, wanted));
    }
    more = false;
    for (std::size_t cell = 0; cell < cells && !more; ++cell) {
      choice[cell] = (choice[cell] + 1) % options;
      more = choice[cell] != 0;
    }
  }
  return best;
}

// What is wrong with a feasible plan; empty where nothing is.
inline std::string fault(const Plan& plan, const Profile& profile, Workspace workspace = Workspace::kLargest) {
  double least = std::numeric_limits<double>::infinity(), priced = 0.0;
  std::vector<double> rate(plan.models.size(), 0.0);
  for (std::size_t d = 0; d < plan.devices.size(); ++d) {
    const Device& device = plan.devices[d];
    double time = 0.0;
    Held held(workspace);
    std::vector<std::size_t> here;
    for (std::size_t m = 0; m < plan.models.size(); ++m)
      if (plan.batch[plan.index(d, m)] > 0) here.push_back(m);
    for (std::size_t m = 0; m < plan.models.size(); ++m) {
      const int batch = plan.batch[plan.index(d, m)];
      const double share = plan.share[plan.index(d, m)];
      if (share < 0.0 || share > 1.0) return message("share ", share);
      time += share;
      if (batch == 0) {
        if (share != 0.0) return "a share of an absent model";
        continue;
      }
      if (share == 0.0) return "an instance without a share";
      const auto kind = static_cast<std::size_t>(std::find(profile.kinds.begin(), profile.kinds.end(), device.kind) -
                                                 profile.kinds.begin());
      const auto size = std::find(profile.batch_sizes.begin(), profile.batch_sizes.end(), batch);
      if (size == profile.batch_sizes.end()) return message("batch ", batch, " is not in the profile");
      const auto b = static_cast<std::size_t>(size - profile.batch_sizes.begin());
      const std::size_t index = profile.index(kind, m, b);
      if (!std::isfinite(profile.latency_s[index])) return message("model ", m, " does not run on ", device.kind);
      held.add(profile, kind, m, b);
      rate[m] += share * batch / (profile.latency_s[index] * slower(profile, kind, m, here));
    }
    if (time > 1.0 + 1e-9) return message("shares of ", device.name, " sum to ", time);
    if (held.bytes() > device.memory_bytes)
      return message(device.name, " holds ", held.bytes(), " bytes of ", device.memory_bytes);
  }
  for (std::size_t m = 0; m < plan.models.size(); ++m) {
    if (plan.demand[m] <= 0.0) {
      if (rate[m] > 0.0) return message("model ", m, " is placed without demand");
      continue;
    }
    if (rate[m] <= 0.0) return message("model ", m, " has no rate");
    least = std::min(least, rate[m] / plan.demand[m]);
    priced += plan.demand[m] * plan.price[m];
  }
  if (std::abs(least - plan.throughput) > 1e-9 * least)
    return message("throughput ", plan.throughput, " but shares give ", least);
  if (plan.throughput > plan.bound) return message("throughput ", plan.throughput, " above bound ", plan.bound);
  if (std::abs(priced - 1.0) > 1e-9) return message("prices sum to ", priced);
  return plan.why.empty() && plan.feasible && !plan.found_by.empty() ? "" : "a feasible plan that says otherwise";
}

}  // namespace quorate::oracle
