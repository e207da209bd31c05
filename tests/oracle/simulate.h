// The simulation by looking at everything at every moment.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "oracle/interpolate.h"
#include "oracle/plan.h"
#include "quorate/plan/simulate.h"

namespace quorate::oracle {

struct Played {
  std::vector<double> latency_s;  // [samples]
  std::vector<double> busy_s;     // [devices]
  std::size_t batches = 0;
};

// `asks` [samples][tiers]: the models that a sample asks in each tier that it comes to.
inline Played play(const Plan& plan, const Profile& profile, const std::vector<double>& arrivals_s,
                   const std::vector<std::vector<std::vector<std::size_t>>>& asks) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  struct Task {  // one sample for one model
    std::size_t sample = 0, model = 0;
    int device = -1;  // that took it
    double end_s = kNever;
  };
  struct Sample {
    bool inside = false, answered = false;
    std::size_t tier = 0;
  };
  const std::size_t devices = plan.devices.size(), models = plan.models.size(), samples = arrivals_s.size();
  std::size_t together = 0;
  for (std::size_t device = 0; device < devices; ++device)
    together +=
        static_cast<std::size_t>(*std::max_element(plan.batch.begin() + static_cast<std::ptrdiff_t>(device * models),
                                                   plan.batch.begin() + static_cast<std::ptrdiff_t>((device + 1) * models)));
  const std::size_t most = std::max<std::size_t>(512, 8 * together);

  std::vector<Task> tasks;  // in the order of queues
  std::vector<Sample> state(samples);
  std::vector<std::vector<std::size_t>> outside;  // requests: what is left of their samples
  Played played{std::vector<double>(samples, 0.0), std::vector<double>(devices, 0.0)};
  std::vector<double> free_at_s(devices, -kNever);
  const auto ask = [&](std::size_t sample, double now_s) {
    bool any = false;
    for (const std::size_t model : asks[sample][state[sample].tier]) {
      tasks.push_back({sample, model});
      any = true;
    }
    if (any) return;
    state[sample].answered = true;
    played.latency_s[sample] = now_s - arrivals_s[sample];
  };

  for (double now_s = arrivals_s[0]; now_s < kNever;) {
    // Batches end, in the order of devices; a sample of which all models of its tier have answered goes on or is answered.
    for (std::size_t device = 0; device < devices; ++device) {
      if (free_at_s[device] != now_s) continue;
      const std::size_t known = tasks.size();
      for (std::size_t t = 0; t < known; ++t) {
        if (tasks[t].device != static_cast<int>(device) || tasks[t].end_s != now_s) continue;
        const std::size_t sample = tasks[t].sample;
        tasks[t].device = -2;  // done
        bool whole = true;
        for (const Task& other : tasks) whole = whole && (other.sample != sample || other.device == -2);
        if (!whole) continue;
        if (++state[sample].tier < asks[sample].size()) {
          ask(sample, now_s);
        } else {
          state[sample].answered = true;
          played.latency_s[sample] = now_s - arrivals_s[sample];
        }
      }
    }
    // Samples of one moment come as one request.
    std::vector<std::size_t> request;
    for (std::size_t i = 0; i < samples; ++i)
      if (arrivals_s[i] == now_s) request.push_back(i);
    if (!request.empty()) outside.push_back(request);
    // Segments are let in, requests taking turns.
    while (!outside.empty()) {
      std::size_t inside = 0;
      for (const Sample& sample : state) inside += sample.inside && !sample.answered;
      if (inside >= most) break;
      request = outside.front();
      outside.erase(outside.begin());
      const std::size_t count = std::min<std::size_t>(256, request.size());
      for (std::size_t i = 0; i < count; ++i) {
        state[request[i]].inside = true;
        ask(request[i], now_s);
      }
      request.erase(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(count));
      if (!request.empty()) outside.push_back(request);
    }
    // Free devices take.
    for (std::size_t device = 0; device < devices; ++device) {
      if (free_at_s[device] > now_s) continue;
      std::size_t best = models;
      double best_waiting = 0.0, best_progress = 0.0;
      for (std::size_t m = 0; m < models; ++m) {
        if (plan.batch[plan.index(device, m)] == 0) continue;
        double waiting = 0.0, progress = 0.0;
        for (const Task& task : tasks)
          if (task.model == m) ++(task.device == -1 ? waiting : progress);
        if (waiting == 0.0) continue;
        waiting /= plan.demand[m];
        progress /= plan.demand[m];
        if (best == models || waiting > best_waiting || (waiting == best_waiting && progress < best_progress)) {
          best = m;
          best_waiting = waiting;
          best_progress = progress;
        }
      }
      if (best == models) continue;
      // A batch is cut where fewer batches wait than devices are free that could run it like this one.
      const int whole = plan.batch[plan.index(device, best)];
      int free = 0, batches = 0, own = 0, queued = 0;
      for (std::size_t other = 0; other < devices; ++other)
        free += free_at_s[other] <= now_s && plan.batch[plan.index(other, best)] == whole;
      for (std::size_t m = 0; m < models; ++m) {
        int waiting = 0, least = 1 << 30;
        for (const Task& task : tasks) waiting += task.model == m && task.device == -1;
        for (std::size_t other = 0; other < devices; ++other)
          if (plan.batch[plan.index(other, m)] > 0) least = std::min(least, plan.batch[plan.index(other, m)]);
        batches += (waiting + least - 1) / least;
        if (m == best) queued = waiting;
      }
      own = (queued + whole - 1) / whole;
      int room = whole;
      if (free > batches) {
        const int pieces = own + ((free - batches) * own + batches - 1) / batches;
        room = std::min(whole, (queued + pieces - 1) / pieces);
      }
      std::vector<Task*> batch;
      for (Task& task : tasks)
        if (task.model == best && task.device == -1 && static_cast<int>(batch.size()) < room) batch.push_back(&task);
      const auto kind = static_cast<std::size_t>(
          std::find(profile.kinds.begin(), profile.kinds.end(), plan.devices[device].kind) - profile.kinds.begin());
      std::vector<std::size_t> here;
      for (std::size_t m = 0; m < models; ++m)
        if (plan.batch[plan.index(device, m)] > 0) here.push_back(m);
      const double latency_s =
          slower(profile, kind, best, here) * read_off(profile, kind, best, static_cast<int>(batch.size()));
      for (Task* task : batch) {
        task->device = static_cast<int>(device);
        task->end_s = now_s + latency_s;
      }
      free_at_s[device] = now_s + latency_s;
      played.busy_s[device] += latency_s;
      ++played.batches;
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
