#include "route/sweep.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "route/cost.h"

namespace quorate {

Stage make_stage(const TierTrace& tier) {
  Stage stage;
  stage.samples = tier.certainty.size();
  stage.order.resize(stage.samples);
  std::iota(stage.order.begin(), stage.order.end(), 0u);
  std::sort(stage.order.begin(), stage.order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return tier.certainty[a] != tier.certainty[b] ? tier.certainty[a] > tier.certainty[b] : a < b;
  });
  for (const std::uint32_t sample : stage.order) {
    stage.certainty.push_back(tier.certainty[sample]);
    stage.wrong.push_back(tier.wrong[sample]);
  }
  return stage;
}

Tail last_tier(const TierTrace& tier, double cost) {
  Tail tail{.outcome = {}, .cost = {cost}};
  tail.outcome.reserve(tier.wrong.size());
  for (const std::uint8_t wrong : tier.wrong) tail.outcome.emplace_back(0, wrong != 0);
  return tail;
}

CheapestByErrors::CheapestByErrors(const std::vector<double>& limit) : entries_(limit.size()) {
  for (std::size_t errors = 0; errors < limit.size(); ++errors) entries_[errors].cost = limit[errors];
}

void CheapestByErrors::merge(const CheapestByErrors& later) {
  for (std::size_t errors = 0; errors < entries_.size(); ++errors)
    if (later.entries_[errors].cost < entries_[errors].cost) entries_[errors] = later.entries_[errors];
}

void sweep(const Stage& stage, const Tail& tail, std::uint32_t first, std::uint32_t second, CheapestByErrors& best) {
  std::array<std::size_t, kDeepest> answered = {};  // samples that go on, by the tail's tier that answers them
  std::size_t errors = stage.errors_before;
  for (const std::uint32_t sample : stage.order) {
    ++answered[tail.outcome[sample].tier()];
    errors += tail.outcome[sample].wrong();
  }
  const std::size_t reaching = stage.order.size();
  std::size_t go_on = reaching;
  const auto offer = [&](double threshold) {
    double cost = stage.cost_before;
    std::size_t reached = go_on;
    for (std::size_t k = 0; k < tail.cost.size(); ++k) {
      cost += expected_cost(tail.cost[k], reached, stage.samples);
      reached -= answered[k];
    }
    best.offer(errors, cost, threshold, first, second);
  };

  offer(kNeverStops);
  for (std::size_t i = 0; i < reaching; ++i) {
    const Outcome otherwise = tail.outcome[stage.order[i]];
    errors = errors + stage.wrong[i] - otherwise.wrong();
    --answered[otherwise.tier()];
    --go_on;
    if (i + 1 == reaching || stage.certainty[i + 1] != stage.certainty[i]) offer(stage.certainty[i]);
  }
}

}  // namespace quorate
