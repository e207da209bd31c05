#include "quorate/plan/simulate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/message.h"
#include "plan/stream.h"

namespace quorate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

void check_arrivals(std::span<const double> arrivals_s) {
  require(!arrivals_s.empty(), "arrivals_s is empty, but must hold at least one arrival");
  require(arrivals_s.size() <= std::numeric_limits<std::uint32_t>::max(), "arrivals_s has ", arrivals_s.size(),
          " entries, but must have at most ", std::numeric_limits<std::uint32_t>::max());
  for (std::size_t i = 0; i < arrivals_s.size(); ++i) {
    if (!std::isfinite(arrivals_s[i])) require(false, "arrivals_s[", i, "] is ", arrivals_s[i], ", but must be finite");
    if (i > 0 && arrivals_s[i] < arrivals_s[i - 1])
      require(false, "arrivals_s[", i, "] is ", arrivals_s[i], ", but must be at least ", arrivals_s[i - 1],
              ", the one before it");
  }
}

// Every placed batch must be one that the profile has a latency for.
void check_fit(const Plan& plan, const Profile& profile) {
  check(plan);
  check(profile);
  require(plan.feasible, "plan is infeasible (", plan.why, "), but must be feasible to be simulated");
  require(plan.models == profile.models, "plan is for models ", joined(plan.models),
          ", but must be for the profile's: ", joined(profile.models));
  for (std::size_t d = 0; d < plan.devices.size(); ++d) {
    const Device& device = plan.devices[d];
    const std::optional<std::size_t> kind = profile.kind_index(device.kind);
    require(kind.has_value(), "kind of device \"", device.name, "\" is \"", device.kind,
            "\", but must be one of the profile's: ", joined(profile.kinds));
    for (std::size_t m = 0; m < plan.models.size(); ++m) {
      const int batch = plan.batch[plan.index(d, m)];
      if (batch == 0) continue;
      const std::optional<std::size_t> at = profile.batch_index(batch);
      require(at && std::isfinite(profile.latency_s[profile.index(*kind, m, *at)]), "batch of model \"", plan.models[m],
              "\" on device \"", device.name, "\" is ", batch,
              ", but must be a batch size that the profile has a latency for on kind \"", device.kind, "\"");
    }
  }
}

void check_asked(const Plan& plan, std::size_t model) {
  bool placed = false;
  for (std::size_t device = 0; device < plan.devices.size() && !placed; ++device)
    placed = plan.batch[plan.index(device, model)] > 0;
  require(placed, "model \"", plan.models[model], "\" is asked by a share of the stream, but the plan does not place it");
  require(plan.demand[model] > 0.0, "model \"", plan.models[model],
          "\" is asked by a share of the stream, but its demand in the plan is 0");
}

Itinerary thinned(const Plan& plan, const std::vector<double>& demand, std::size_t samples) {
  require(demand.size() == plan.models.size(), "demand has ", demand.size(), " entries, but must have ", plan.models.size(),
          ", one for each model");
  Itinerary itinerary{{{}}, std::vector<std::uint32_t>(samples, 0), demand};
  for (std::size_t m = 0; m < demand.size(); ++m) {
    require(demand[m] >= 0.0 && demand[m] <= 1.0, "demand of model \"", plan.models[m], "\" is ", demand[m],
            ", but must be from 0 to 1");
    if (demand[m] == 0.0) continue;
    check_asked(plan, m);
    itinerary.tiers[0].push_back(m);
  }
  return itinerary;
}

std::vector<double> reach_of(const Plan& plan, const SimulateOptions& options) {
  const std::size_t tiers = options.tiers.size();
  std::vector<double> reach = options.reach;
  if (reach.empty())
    for (const std::vector<std::size_t>& tier : options.tiers) {
      double most = 0.0;
      for (const std::size_t model : tier) most = std::max(most, plan.demand[model]);
      reach.push_back(std::min(most, reach.empty() ? 1.0 : reach.back()));
    }
  require(reach.size() == tiers, "reach has ", reach.size(), " entries, but must have ", tiers, ", one for each tier");
  require(reach[0] == 1.0, "reach[0] is ", reach[0], ", but must be 1: every sample asks the first tier");
  for (std::size_t k = 1; k < tiers; ++k)
    require(reach[k] >= 0.0 && reach[k] <= reach[k - 1], "reach[", k, "] is ", reach[k], ", but must be from 0 to ",
            reach[k - 1], ", the one before it");
  return reach;
}

// The last tier that each sample asks, as evenly over the stream as it goes: of the samples that come to a tier, the share
// that goes on.
std::vector<std::uint32_t> even_exits(const std::vector<double>& reach, std::size_t samples) {
  std::vector<double> came(reach.size(), 0.0);
  std::vector<std::uint32_t> exit;
  for (std::size_t i = 0; i < samples; ++i) {
    std::uint32_t tier = 0;
    for (; tier + 1 < reach.size(); ++tier) {
      const double share = reach[tier] > 0.0 ? reach[tier + 1] / reach[tier] : 0.0;
      const double before = came[tier]++;
      if (!(std::floor((before + 1.0) * share) > std::floor(before * share))) break;
    }
    exit.push_back(tier);
  }
  return exit;
}

Itinerary tier_by_tier(const Plan& plan, const SimulateOptions& options, std::size_t samples) {
  require(options.demand.empty(), "demand is given with tiers, but reach or tier must be: it says who asks whom");
  require(options.tier.empty() || options.reach.empty(), "tier and reach are both given, but one of them says it all");
  std::vector<std::uint8_t> seen(plan.models.size(), 0);
  for (std::size_t k = 0; k < options.tiers.size(); ++k) {
    require(!options.tiers[k].empty(), "tiers[", k, "] is empty, but must hold at least one model");
    for (const std::size_t model : options.tiers[k]) {
      require(model < plan.models.size(), "tiers[", k, "] holds model ", model, ", but there are ", plan.models.size());
      require(seen[model]++ == 0, "tiers hold model \"", plan.models[model], "\" twice, but must hold it once");
    }
  }
  Itinerary itinerary{options.tiers, {}, {}};
  if (options.tier.empty()) {
    itinerary.exit = even_exits(reach_of(plan, options), samples);
  } else {
    require(options.tier.size() == samples, "tier has ", options.tier.size(), " entries, but must have ", samples,
            ", one for each arrival");
    for (std::size_t i = 0; i < samples; ++i) {
      require(options.tier[i] < options.tiers.size(), "tier[", i, "] is ", options.tier[i], ", but must be below ",
              options.tiers.size(), ", the number of tiers");
      itinerary.exit.push_back(static_cast<std::uint32_t>(options.tier[i]));
    }
  }
  const std::uint32_t last = std::ranges::max(itinerary.exit);
  for (std::size_t k = 0; k <= last; ++k)
    for (const std::size_t model : options.tiers[k]) check_asked(plan, model);
  return itinerary;
}

double percentile(const std::vector<double>& ascending, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(ascending.size())));
  return ascending[std::max<std::size_t>(rank, 1) - 1];
}

Simulation summary(Stream& stream, std::span<const double> arrivals_s) {
  Simulation result;
  for (std::size_t i = 0; i < arrivals_s.size(); ++i) result.latency_s.push_back(stream.answered_s()[i] - arrivals_s[i]);
  std::vector<double> ascending = result.latency_s;
  std::ranges::sort(ascending);
  result.mean_latency_s = std::accumulate(ascending.begin(), ascending.end(), 0.0) / static_cast<double>(ascending.size());
  result.p50_latency_s = percentile(ascending, 0.5);
  result.p99_latency_s = percentile(ascending, 0.99);
  result.max_latency_s = ascending.back();
  result.makespan_s = std::ranges::max(stream.answered_s()) - arrivals_s[0];
  result.throughput = static_cast<double>(arrivals_s.size()) / result.makespan_s;
  const auto over_makespan = [&](double sum) { return result.makespan_s > 0.0 ? sum / result.makespan_s : 0.0; };
  for (const double busy_s : stream.busy_s()) result.utilisation.push_back(over_makespan(busy_s));
  for (const double waited_s : stream.waited_s()) result.mean_queue.push_back(over_makespan(waited_s));
  result.max_queue = stream.max_queue();
  result.max_outside = stream.max_outside();
  for (const Backlog& model : stream.backlog()) result.asked.push_back(model.done);
  result.batches = stream.batches();
  result.record = stream.take_record();
  for (SimulatedBatch& batch : result.record) {
    batch.begin_s -= arrivals_s[0];
    batch.end_s -= arrivals_s[0];
  }
  return result;
}

}  // namespace

Simulation simulate(const Plan& plan, const Profile& profile, std::span<const double> arrivals_s,
                    const SimulateOptions& options) {
  check_fit(plan, profile);
  check_arrivals(arrivals_s);
  require(options.record_s >= 0.0, "record_s is ", options.record_s, ", but must be at least 0");
  require(!options.tiers.empty() || (options.tier.empty() && options.reach.empty()),
          "tier or reach is given without tiers, but they speak of tiers");
  const std::size_t samples = arrivals_s.size();
  Stream stream(plan, profile,
                options.tiers.empty() ? thinned(plan, options.demand.empty() ? plan.demand : options.demand, samples)
                                      : tier_by_tier(plan, options, samples),
                arrivals_s[0] + options.record_s);
  for (std::size_t arrived = 0; arrived < samples || stream.next_end_s() < kNever;) {
    const double next_arrival_s = arrived < samples ? arrivals_s[arrived] : kNever;
    const double now_s = std::min(next_arrival_s, stream.next_end_s());
    while (stream.next_end_s() == now_s) stream.end_batch();
    if (next_arrival_s == now_s) {
      const std::size_t first = arrived;
      while (arrived < samples && arrivals_s[arrived] == now_s) ++arrived;
      stream.arrive(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(arrived));
    }
    stream.settle(now_s);
  }
  return summary(stream, arrivals_s);
}

}  // namespace quorate
