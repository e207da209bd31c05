#include "route/sweep.h"

#include <algorithm>
#include <array>

#include "route/cost.h"
#include "route/ranking.h"

namespace quorate {
namespace {

// What the thresholds of one stage come to, as samples stop at it one after another.
class Moving {
 public:
  Moving(const Stage& stage, const Tail& tail) : stage_(stage), tail_(tail) {
    errors_ = stage.errors_before;
    for (const std::uint32_t sample : stage.order) {
      ++answered_[tail.outcome[sample].tier()];
      errors_ += tail.outcome[sample].wrong();
    }
    go_on_ = stage.order.size();
    if (tail.sample_cost.empty()) return;
    // From the end, where the sum is smallest: subtracting as samples stop would leave rounding behind at 0.
    rest_cost_.resize(go_on_ + 1);
    for (std::size_t i = go_on_; i-- > 0;) rest_cost_[i] = rest_cost_[i + 1] + tail.sample_cost[stage.order[i]];
  }

  void stop(std::size_t place) {
    const Outcome otherwise = tail_.outcome[stage_.order[place]];
    errors_ = errors_ + stage_.wrong[place] - otherwise.wrong();
    --answered_[otherwise.tier()];
    --go_on_;
  }

  std::size_t errors() const { return errors_; }

  double cost() const {
    if (!rest_cost_.empty())
      return stage_.cost_before + rest_cost_[stage_.order.size() - go_on_] / static_cast<double>(stage_.samples);
    return plus_tail(stage_.cost_before, [&](std::size_t k) { return tail_.cost[k]; });
  }

  bool within(std::span<const MeanLimit> limits) const {
    for (std::size_t l = 0; l < limits.size(); ++l)
      if (plus_tail(stage_.limited_before[l], [&](std::size_t k) { return limits[l].of_tier[tail_.tiers[k]]; }) >
          limits[l].most)
        return false;
    return true;
  }

 private:
  template <class CostOf>
  double plus_tail(double cost, const CostOf& cost_of) const {
    std::size_t reached = go_on_;
    for (std::size_t k = 0; k < tail_.tiers.size(); ++k) {
      cost += expected_cost(cost_of(k), reached, stage_.samples);
      reached -= answered_[k];
    }
    return cost;
  }

  const Stage& stage_;
  const Tail& tail_;
  std::array<std::size_t, kDeepest> answered_ = {};  // samples that go on, by the tail's tier that answers them
  std::size_t errors_ = 0;
  std::size_t go_on_ = 0;
  std::vector<double> rest_cost_;  // [reaching + 1]: of the samples from a place on, where samples' costs differ
};

}  // namespace

Stage make_stage(std::span<const double> certainty, std::vector<std::uint8_t> wrong) {
  Stage stage;
  stage.samples = certainty.size();
  stage.order = rank_by_certainty(certainty);
  stage.certainty.reserve(stage.samples);
  stage.wrong.reserve(stage.samples);
  for (const std::uint32_t sample : stage.order) {
    stage.certainty.push_back(certainty[sample]);
    stage.wrong.push_back(wrong[sample]);
  }
  return stage;
}

CheapestByErrors::CheapestByErrors(const std::vector<double>& limit) : entries_(limit.size()) {
  for (std::size_t errors = 0; errors < limit.size(); ++errors) entries_[errors].cost = limit[errors];
}

void CheapestByErrors::merge(const CheapestByErrors& later) {
  for (std::size_t errors = 0; errors < entries_.size(); ++errors)
    if (later.entries_[errors].cost < entries_[errors].cost) entries_[errors] = later.entries_[errors];
}

void sweep(const Stage& stage, const Tail& tail, std::span<const MeanLimit> limits, std::uint32_t first,
           std::uint32_t second, CheapestByErrors& best) {
  Moving at(stage, tail);
  const auto offer = [&](double threshold) {
    const double cost = at.cost();
    if (cost < best.entries()[at.errors()].cost && at.within(limits))
      best.offer(at.errors(), cost, threshold, first, second);
  };
  offer(kNeverStops);
  const std::size_t reaching = stage.order.size();
  for (std::size_t i = 0; i < reaching; ++i) {
    at.stop(i);
    if (i + 1 == reaching || stage.certainty[i + 1] != stage.certainty[i]) offer(stage.certainty[i]);
  }
}

}  // namespace quorate
