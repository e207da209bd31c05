#include "route/tails.h"

#include "route/cost.h"
#include "route/trace.h"

namespace quorate {
namespace {

TailOutcome run(const std::vector<TierTrace>& traces, std::size_t first, const Cascade& tail, const Predictions& predictions,
                const ModelCosts& cost) {
  TailOutcome result;
  for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
    double spent = 0.0;
    for (std::size_t k = 0; k < tail.tiers.size(); ++k) {
      const Tier& tier = tail.tiers[k];
      const TierTrace& trace = traces[first + k];
      spent += tier_cost(tier.members, cost, sample, tail.parallelism);
      if (k + 1 < tail.tiers.size() && !may_stop(trace.certainty[sample], tier.threshold)) continue;
      result.wrong.push_back(trace.wrong[sample]);
      break;
    }
    result.cost.push_back(spent);
  }
  return result;
}

}  // namespace

std::vector<TailOutcome> tails(const Cascade& cascade, const Predictions& predictions, const ModelCosts& cost, int threads) {
  std::vector<TailOutcome> result;
  std::vector<TierTrace> traces = trace(cascade, predictions, threads);
  Cascade tail = cascade;
  for (std::size_t first = 0; first < cascade.tiers.size(); ++first) {
    // With kLast a tier says the same whoever was asked before it.
    if (first > 0) tail.tiers.erase(tail.tiers.begin());
    const bool alike = cascade.combine == Combine::kLast || first == 0;
    result.push_back(alike ? run(traces, first, tail, predictions, cost)
                           : run(trace(tail, predictions, threads), 0, tail, predictions, cost));
  }
  return result;
}

}  // namespace quorate
