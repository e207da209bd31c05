#include "quorate/plan/simulate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <set>

#include "core/message.h"
#include "quorate/plan/policy.h"

namespace quorate {
namespace {

void check_arguments(const Plan& plan, const Profile& profile, std::span<const double> arrivals_s,
                     const std::vector<double>& demand) {
  check(plan);
  check(profile);
  require(plan.feasible, "plan is infeasible (", plan.why, "), but must be feasible to be simulated");
  require(plan.models == profile.models, "plan is for models ", joined(plan.models),
          ", but must be for the profile's: ", joined(profile.models));
  require(!arrivals_s.empty(), "arrivals_s is empty, but must hold at least one arrival");
  for (std::size_t i = 0; i < arrivals_s.size(); ++i) {
    require(std::isfinite(arrivals_s[i]), "arrivals_s[", i, "] is ", arrivals_s[i], ", but must be finite");
    require(i == 0 || arrivals_s[i] >= arrivals_s[i - 1], "arrivals_s[", i, "] is ", arrivals_s[i],
            ", but must be at least ", arrivals_s[i == 0 ? 0 : i - 1], ", the one before it");
  }
  require(demand.size() == plan.models.size(), "demand has ", demand.size(), " entries, but must have ", plan.models.size(),
          ", one for each model");
  for (std::size_t m = 0; m < demand.size(); ++m) {
    require(demand[m] >= 0.0 && demand[m] <= 1.0, "demand of model \"", plan.models[m], "\" is ", demand[m],
            ", but must be from 0 to 1");
    bool placed = false;
    for (std::size_t device = 0; device < plan.devices.size(); ++device)
      placed = placed || plan.batch[plan.index(device, m)] > 0;
    require(placed || demand[m] == 0.0, "demand of model \"", plan.models[m], "\" is ", demand[m],
            ", but must be 0 because the plan does not place it");
  }
}

std::size_t position(const std::vector<std::string>& kinds, const Device& device) {
  const auto found = std::find(kinds.begin(), kinds.end(), device.kind);
  require(found != kinds.end(), "kind of device \"", device.name, "\" is \"", device.kind,
          "\", but must be one of the profile's: ", joined(kinds));
  return static_cast<std::size_t>(found - kinds.begin());
}

// A model on a device.
struct Instance {
  std::size_t model = 0;
  std::size_t batch = 0;
  std::vector<double> latency_s;  // [batch + 1], of a batch of that many samples
};

Instance make_instance(const Plan& plan, const Profile& profile, std::size_t device, std::size_t model) {
  const int planned = plan.batch[plan.index(device, model)];
  const std::size_t kind = position(profile.kinds, plan.devices[device]);
  const auto size = std::find(profile.batch_sizes.begin(), profile.batch_sizes.end(), planned);
  const auto last = static_cast<std::size_t>(size - profile.batch_sizes.begin());
  require(size != profile.batch_sizes.end() && std::isfinite(profile.latency_s[profile.index(kind, model, last)]),
          "batch of model \"", plan.models[model], "\" on device \"", plan.devices[device].name, "\" is ", planned,
          ", but must be a batch size that the profile has a latency for on kind \"", profile.kinds[kind], "\"");
  Instance instance{model, static_cast<std::size_t>(planned), {0.0}};
  for (std::size_t batch = 0; batch <= last; ++batch) {
    const double latency_s = profile.latency_s[profile.index(kind, model, batch)];
    if (std::isfinite(latency_s))
      instance.latency_s.resize(static_cast<std::size_t>(profile.batch_sizes[batch]) + 1, latency_s);
  }
  return instance;
}

// The stream's state between two moments.
class Stream {
 public:
  Stream(const Plan& plan, const Profile& profile, std::vector<double> demand, std::size_t samples)
      : demand_(std::move(demand)),
        queue_(plan.models.size()),
        taken_(plan.models.size(), 0),
        instances_(plan.devices.size()),
        hosts_(plan.models.size()),
        running_(plan.devices.size()),
        pending_(samples, 0),
        busy_s_(plan.devices.size(), 0.0),
        answered_s_(samples, 0.0),
        max_queue_(plan.models.size(), 0) {
    for (std::size_t device = 0; device < plan.devices.size(); ++device)
      for (std::size_t model = 0; model < plan.models.size(); ++model)
        if (plan.batch[plan.index(device, model)] > 0 && demand_[model] > 0.0) {
          instances_[device].push_back(make_instance(plan, profile, device, model));
          hosts_[model].push_back(device);
        }
  }

  double next_end_s() const { return ends_.empty() ? std::numeric_limits<double>::infinity() : ends_.top().first; }

  // Ends the first batch that is due; its device becomes free.
  void end_batch() {
    const auto [now_s, device] = ends_.top();
    ends_.pop();
    for (const std::size_t sample : running_[device])
      if (--pending_[sample] == 0) answered_s_[sample] = now_s;
    running_[device].clear();
    free_.insert(device);
  }

  void arrive(std::size_t sample, double now_s) {
    answered_s_[sample] = now_s;
    for (std::size_t model = 0; model < queue_.size(); ++model) {
      const auto before = static_cast<double>(sample);
      if (!(std::floor((before + 1.0) * demand_[model]) > std::floor(before * demand_[model]))) continue;
      queue_[model].push_back(sample);
      ++pending_[sample];
      for (const std::size_t device : hosts_[model])
        if (running_[device].empty()) free_.insert(device);
    }
  }

  // Free devices take what waits. A device that finds nothing stays idle until a sample arrives for it.
  void dispatch(double now_s) {
    for (const std::size_t device : free_) run_next(device, now_s);
    free_.clear();
    for (std::size_t model = 0; model < queue_.size(); ++model)
      max_queue_[model] = std::max(max_queue_[model], waiting(model));
  }

  const std::vector<double>& busy_s() const { return busy_s_; }
  const std::vector<double>& answered_s() const { return answered_s_; }
  const std::vector<std::size_t>& max_queue() const { return max_queue_; }

 private:
  std::size_t waiting(std::size_t model) const { return queue_[model].size() - taken_[model]; }

  void run_next(std::size_t device, double now_s) {
    std::vector<Backlog> hosted;
    for (const Instance& instance : instances_[device])
      hosted.push_back({waiting(instance.model), taken_[instance.model], demand_[instance.model]});
    const std::optional<std::size_t> next = pick_next(hosted);
    if (!next) return;
    const Instance& instance = instances_[device][*next];
    const std::size_t count = std::min(instance.batch, waiting(instance.model));
    const auto first = queue_[instance.model].begin() + static_cast<std::ptrdiff_t>(taken_[instance.model]);
    running_[device].assign(first, first + static_cast<std::ptrdiff_t>(count));
    taken_[instance.model] += count;
    busy_s_[device] += instance.latency_s[count];
    ends_.emplace(now_s + instance.latency_s[count], device);
  }

  using End = std::pair<double, std::size_t>;  // time and device

  std::vector<double> demand_;
  std::vector<std::vector<std::size_t>> queue_;    // [models]: all samples that reached it, those taken included
  std::vector<std::size_t> taken_;                 // [models]
  std::vector<std::vector<Instance>> instances_;   // [devices]
  std::vector<std::vector<std::size_t>> hosts_;    // [models]: devices
  std::vector<std::vector<std::size_t>> running_;  // [devices]: samples; empty: idle
  std::vector<std::size_t> pending_;               // [samples]: models that have still to run it
  std::set<std::size_t> free_;                     // devices that may find something to run
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::vector<double> busy_s_;          // [devices]
  std::vector<double> answered_s_;      // [samples]
  std::vector<std::size_t> max_queue_;  // [models]
};

double percentile(const std::vector<double>& ascending, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(ascending.size())));
  return ascending[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

Simulation simulate(const Plan& plan, const Profile& profile, std::span<const double> arrivals_s,
                    const SimulateOptions& options) {
  const std::vector<double>& demand = options.demand.empty() ? plan.demand : options.demand;
  check_arguments(plan, profile, arrivals_s, demand);
  Stream stream(plan, profile, demand, arrivals_s.size());
  for (std::size_t arrived = 0; arrived < arrivals_s.size() || std::isfinite(stream.next_end_s());) {
    const double next_arrival_s =
        arrived < arrivals_s.size() ? arrivals_s[arrived] : std::numeric_limits<double>::infinity();
    const double now_s = std::min(next_arrival_s, stream.next_end_s());
    while (stream.next_end_s() == now_s) stream.end_batch();
    for (; arrived < arrivals_s.size() && arrivals_s[arrived] == now_s; ++arrived) stream.arrive(arrived, now_s);
    stream.dispatch(now_s);
  }

  Simulation result;
  result.max_queue = stream.max_queue();
  for (std::size_t i = 0; i < arrivals_s.size(); ++i) result.latency_s.push_back(stream.answered_s()[i] - arrivals_s[i]);
  std::vector<double> ascending = result.latency_s;
  std::sort(ascending.begin(), ascending.end());
  result.mean_latency_s = std::accumulate(ascending.begin(), ascending.end(), 0.0) / static_cast<double>(ascending.size());
  result.p50_latency_s = percentile(ascending, 0.5);
  result.p99_latency_s = percentile(ascending, 0.99);
  result.max_latency_s = ascending.back();
  result.makespan_s = *std::max_element(stream.answered_s().begin(), stream.answered_s().end()) - arrivals_s[0];
  result.throughput = static_cast<double>(arrivals_s.size()) / result.makespan_s;
  for (const double busy_s : stream.busy_s())
    result.utilisation.push_back(result.makespan_s > 0.0 ? busy_s / result.makespan_s : 0.0);
  return result;
}

}  // namespace quorate
