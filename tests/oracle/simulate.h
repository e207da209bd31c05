// The simulation by looking at everything at every moment.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quorate/plan/simulate.h"

namespace quorate::oracle {

struct Played {
  std::vector<double> latency_s;  // [samples]
  std::vector<double> busy_s;     // [devices]
};

inline Played play(const Plan& plan, const Profile& profile, const std::vector<double>& arrivals_s,
                   const std::vector<double>& demand) {
  struct Task {  // one sample for one model
    std::size_t sample, model;
    int device = -1;  // that took it
    double end_s = std::numeric_limits<double>::infinity();
  };
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const std::size_t devices = plan.devices.size(), models = plan.models.size();
  std::vector<Task> tasks;
  for (std::size_t i = 0; i < arrivals_s.size(); ++i)
    for (std::size_t m = 0; m < models; ++m)
      if (std::floor(static_cast<double>(i + 1) * demand[m]) > std::floor(static_cast<double>(i) * demand[m]))
        tasks.push_back({i, m});

  Played played{std::vector<double>(arrivals_s.size(), 0.0), std::vector<double>(devices, 0.0)};
  std::vector<double> free_at_s(devices, -kNever);
  for (double now_s = arrivals_s[0]; now_s < kNever;) {
    for (std::size_t device = 0; device < devices; ++device) {
      if (free_at_s[device] > now_s) continue;
      std::size_t best = models;
      double best_waiting = 0.0, best_progress = 0.0;
      for (std::size_t m = 0; m < models; ++m) {
        if (plan.batch[plan.index(device, m)] == 0 || demand[m] == 0.0) continue;
        double waiting = 0.0, progress = 0.0;
        for (const Task& task : tasks)
          if (task.model == m && arrivals_s[task.sample] <= now_s) ++(task.device < 0 ? waiting : progress);
        waiting /= demand[m];
        progress /= demand[m];
        if (waiting == 0.0) continue;
        if (best == models || waiting > best_waiting || (waiting == best_waiting && progress < best_progress)) {
          best = m;
          best_waiting = waiting;
          best_progress = progress;
        }
      }
      if (best == models) continue;
      std::vector<Task*> batch;
      for (Task& task : tasks)
        if (task.model == best && task.device < 0 && arrivals_s[task.sample] <= now_s &&
            static_cast<int>(batch.size()) < plan.batch[plan.index(device, best)])
          batch.push_back(&task);
      const auto kind = static_cast<std::size_t>(
          std::find(profile.kinds.begin(), profile.kinds.end(), plan.devices[device].kind) - profile.kinds.begin());
      double latency_s = kNever;
      for (std::size_t b = profile.batch_sizes.size(); b-- > 0;)
        if (profile.batch_sizes[b] >= static_cast<int>(batch.size()) &&
            std::isfinite(profile.latency_s[profile.index(kind, best, b)]))
          latency_s = profile.latency_s[profile.index(kind, best, b)];
      for (Task* task : batch) {
        task->device = static_cast<int>(device);
        task->end_s = now_s + latency_s;
        played.latency_s[task->sample] = std::max(played.latency_s[task->sample], task->end_s - arrivals_s[task->sample]);
      }
      free_at_s[device] = now_s + latency_s;
      played.busy_s[device] += latency_s;
    }
    double next_s = kNever;
    for (const double arrival_s : arrivals_s)
      if (arrival_s > now_s) next_s = std::min(next_s, arrival_s);
    for (const double free_s : free_at_s)
      if (free_s > now_s) next_s = std::min(next_s, free_s);
    now_s = next_s;
  }
  return played;
}

}  // namespace quorate::oracle
