#include "quorate/route/cascade.h"

#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "core/message.h"

namespace quorate {
namespace {

constexpr std::array<const char*, 3> kSignals = {"confidence", "agreement", "vote_agreement"};
constexpr std::array<const char*, 2> kCombines = {"last", "mean"};

template <class Value, class Names>
Value named(std::string_view name, const Names& names, const char* what) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (name == names[i]) return static_cast<Value>(i);
  throw std::invalid_argument(message(what, " is \"", name, "\", but must be one of: ", joined(names)));
}

}  // namespace

std::string to_string(Signal signal) { return kSignals.at(static_cast<std::size_t>(signal)); }
std::string to_string(Combine combine) { return kCombines.at(static_cast<std::size_t>(combine)); }
Signal signal_from_string(std::string_view name) { return named<Signal>(name, kSignals, "signal"); }
Combine combine_from_string(std::string_view name) { return named<Combine>(name, kCombines, "combine"); }

Cascade as_cascade(const Ensemble& ensemble, bool parallel) {
  check(ensemble, std::numeric_limits<std::size_t>::max());
  require(ensemble.combine == Pooling::kMean, "the ensemble's combine is ", name_of(ensemble.combine),
          ", but must be mean: tiers average probabilities");
  Cascade cascade;
  cascade.tiers = {Tier{ensemble.members, ensemble.weights, Signal::kConfidence, 0.0, ensemble.cost}};
  cascade.parallel = parallel;
  cascade.loss = ensemble.loss;
  cascade.cost = ensemble.cost;
  cascade.worst_cost = ensemble.cost;
  cascade.found_by = ensemble.found_by;
  return cascade;
}

void check(const Cascade& cascade, std::size_t models) {
  require(!cascade.tiers.empty(), "tiers is empty, but must hold at least one tier");
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
}

}  // namespace quorate
