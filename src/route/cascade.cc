#include "quorate/route/cascade.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/message.h"
#include "route/certificate.h"
#include "route/names.h"

namespace quorate {
namespace {

template <class Value, class Names>
Value named(std::string_view name, const Names& names, const char* what) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<Value>(i);
  throw std::invalid_argument(message(what, " is \"", name, "\", but must be one of: ", joined(names)));
}

}  // namespace

std::string to_string(Signal signal) { return kSignalNames.at(static_cast<std::size_t>(signal)); }
std::string to_string(Combine combine) { return kCombineNames.at(static_cast<std::size_t>(combine)); }
Signal signal_from_string(std::string_view name) { return named<Signal>(name, kSignalNames, "signal"); }
Combine combine_from_string(std::string_view name) { return named<Combine>(name, kCombineNames, "combine"); }

Cascade as_cascade(const Ensemble& ensemble, double parallelism) {
  check(ensemble, std::numeric_limits<std::size_t>::max());
  require(ensemble.combine == Pooling::kMean, "the ensemble's combine is ", name_of(ensemble.combine),
          ", but must be mean: tiers average probabilities");
  Cascade cascade;
  cascade.tiers = {Tier{ensemble.members, ensemble.weights, Signal::kConfidence, 0.0, ensemble.cost}};
  cascade.parallelism = parallelism;
  cascade.loss = ensemble.loss;
  cascade.cost = ensemble.cost;
  cascade.worst_cost = ensemble.cost;
  cascade.found_by = ensemble.found_by;
  return cascade;
}

double measured_parallelism(std::span<const double> member_costs, double together) {
  require(!member_costs.empty(), "member_costs is empty, but must hold at least one");
  double sum = 0.0;
  double dearest = 0.0;
  for (std::size_t k = 0; k < member_costs.size(); ++k) {
    require(std::isfinite(member_costs[k]) && member_costs[k] > 0.0, "member_costs[", k, "] is ", member_costs[k],
            ", but must be finite and above 0");
    sum += member_costs[k];
    dearest = std::max(dearest, member_costs[k]);
  }
  require(std::isfinite(together) && together > 0.0, "together is ", together, ", but must be finite and above 0");
  if (member_costs.size() == 1) return 0.0;
  return std::clamp(std::log(sum / together) / std::log(sum / dearest), 0.0, 1.0);
}

void check(const Cascade& cascade, std::size_t models) {
  require(!cascade.tiers.empty(), "tiers is empty, but must hold at least one tier");
  require(cascade.parallelism >= 0.0 && cascade.parallelism <= 1.0, "parallelism is ", cascade.parallelism,
          ", but must be from 0 to 1");
  std::map<int, std::size_t> tier_of;
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k) {
    const Tier& tier = cascade.tiers[k];
    const bool last = k + 1 == cascade.tiers.size();
    try {
      check(Ensemble{.members = tier.members, .weights = tier.weights}, models);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(message("tiers[", k, "]: ", error.what()));
    }
    for (const int member : tier.members) {
      const auto [found, added] = tier_of.emplace(member, k);
      require(added, "tiers[", k, "] holds model ", member, ", but tiers[", found->second,
              "] holds it too, and a model must stand in one tier only");
    }
    require(std::isfinite(tier.threshold) && tier.threshold >= 0.0, "tiers[", k, "].threshold is ", tier.threshold,
            ", but must be finite and at least 0");
    require(!last || tier.threshold == 0.0, "tiers[", k, "].threshold is ", tier.threshold,
            ", but must be 0: the last tier always answers");
    require(std::isfinite(tier.cost) && tier.cost >= 0.0, "tiers[", k, "].cost is ", tier.cost,
            ", but must be finite and at least 0");
  }
  if (cascade.certificate) check_certificate(*cascade.certificate, cascade);
}

}  // namespace quorate
