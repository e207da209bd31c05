#include "route/greedy_run.h"

#include <algorithm>
#include <numeric>

#include "route/ranking.h"

namespace quorate {
namespace {

// What a model can do for the samples that are unanswered.
struct Offer {
  std::size_t model = 0;
  std::size_t answered = 0;
  std::uint32_t least_certain = 0;  // of those answered

  double rate(std::span<const double> cost) const {
    return cost[model] > 0.0 ? static_cast<double>(answered) / cost[model] : std::numeric_limits<double>::infinity();
  }
  bool beats(const Offer& other, std::span<const double> cost) const {
    if (answered == 0 || other.answered == 0) return answered > 0;
    const double here = rate(cost);
    const double there = other.rate(cost);
    if (here != there) return here > there;
    return answered != other.answered ? answered > other.answered : model < other.model;
  }
};

class GreedyRun {
 public:
  GreedyRun(const GreedyPool& pool, double epsilon)
      : pool_(pool),
        epsilon_(epsilon),
        shorter_(pool.ranking.size()),
        used_(pool.ranking.size()),
        unanswered_(pool.samples / 64 + 1, 0),
        left_(pool.samples),
        by_cost_(pool.ranking.size()) {
    for (std::size_t sample = 0; sample < pool.samples; ++sample)
      unanswered_[sample / 64] |= std::uint64_t{1} << sample % 64;
    const auto errors = [&](std::size_t model) {
      return static_cast<int>(std::count(pool.traces[model].wrong.begin(), pool.traces[model].wrong.end(), 1));
    };
    for (std::size_t model = 0; model < used_.size(); ++model)
      more_errors_.push_back(errors(model) - errors(pool.reference));
    std::iota(by_cost_.begin(), by_cost_.end(), std::size_t{0});
    std::stable_sort(by_cost_.begin(), by_cost_.end(),
                     [&](std::size_t a, std::size_t b) { return pool.cost[a] < pool.cost[b]; });
  }

  std::vector<GreedyTier> tiers() {
    std::vector<GreedyTier> result;
    double spent = 0.0;
    while (left_ > 0) {
      const Offer next = best(spent, result.size());
      result.push_back({next.model, pool_.traces[next.model].certainty[next.least_certain]});
      spent += pool_.cost[next.model];
      used_[next.model] = true;
      answer(next);
    }
    return result;
  }

 private:
  bool is_unanswered(std::uint32_t sample) const { return (unanswered_[sample / 64] >> sample % 64 & 1u) != 0; }

  const std::vector<GreedySample>& ranking(std::size_t model) const {
    return shorter_[model].empty() ? pool_.ranking[model] : shorter_[model];
  }

  // The most that the model can answer; nothing where that is less than `least` for its cost. From the least certain sample
  // up: the first threshold that keeps the constraint answers most, and most models are out of the race after a few.
  Offer offer(std::size_t model, double least) const {
    Offer result{.model = model, .answered = left_};
    int more = more_errors_[model];
    const std::vector<GreedySample>& ranked = ranking(model);
    bool keeps = false;
    for (std::size_t i = ranked.size(); i-- > 0;) {
      if (!keeps && ranked[i].last_of_equals()) {
        if (result.answered == 0 || result.rate(pool_.cost) < least) break;
        keeps = more <= epsilon_ * static_cast<double>(result.answered);
      }
      const std::uint32_t sample = ranked[i].sample();
      if (!is_unanswered(sample)) continue;
      if (keeps) {
        result.least_certain = sample;
        return result;
      }
      --result.answered;
      more -= ranked[i].more_errors();
    }
    return {.model = model};
  }

  // A tier after which the reference has no room must answer all that is left.
  bool fits(const Offer& offer, double spent, std::size_t depth) const {
    if (offer.model == pool_.reference || offer.answered == left_)
      return spent + pool_.cost[offer.model] <= pool_.max_worst_cost;
    return spent + pool_.cost[offer.model] + pool_.cost[pool_.reference] <= pool_.max_worst_cost &&
           depth + 2 <= pool_.max_depth;
  }

  Offer best(double spent, std::size_t depth) const {
    // The reference always fits: fits() kept room for it.
    Offer best = offer(pool_.reference, 0.0);
    for (const std::size_t model : by_cost_) {
      if (used_[model] || model == pool_.reference) continue;
      // Models by cost: if this one would lose even with all that is left, so would all after it.
      if (Offer{.model = model, .answered = left_}.rate(pool_.cost) < best.rate(pool_.cost)) break;
      const Offer mine = offer(model, best.rate(pool_.cost));
      if (mine.beats(best, pool_.cost) && fits(mine, spent, depth)) best = mine;
    }
    return best;
  }

  void answer(const Offer& tier) {
    std::size_t to_go = tier.answered;
    std::vector<std::uint32_t> answered;
    for (const GreedySample ranked : ranking(tier.model)) {
      if (to_go == 0) break;
      const std::uint32_t sample = ranked.sample();
      if (!is_unanswered(sample)) continue;
      unanswered_[sample / 64] &= ~(std::uint64_t{1} << sample % 64);
      --to_go;
      answered.push_back(sample);
    }
    const std::vector<std::uint8_t>& reference = pool_.traces[pool_.reference].wrong;
    for (std::size_t model = 0; model < used_.size(); ++model)
      for (std::size_t i = 0; i < answered.size() && !used_[model]; ++i)
        more_errors_[model] -= pool_.traces[model].wrong[answered[i]] - reference[answered[i]];
    left_ -= tier.answered;
    if (2 * left_ > listed_of(tier.model) || left_ == 0) return;
    for (std::size_t model = 0; model < used_.size(); ++model)
      if (!used_[model]) shorten(model);
  }

  std::size_t listed_of(std::size_t model) const { return ranking(model).size(); }

  void shorten(std::size_t model) {
    std::vector<GreedySample> kept;
    kept.reserve(left_);
    bool of_group = false;  // whether the group being read has a sample among the kept
    for (const GreedySample ranked : ranking(model)) {
      if (is_unanswered(ranked.sample())) {
        kept.emplace_back(ranked.sample(), ranked.more_errors(), false);
        of_group = true;
      }
      if (ranked.last_of_equals()) {
        if (of_group) kept.back().end_equals();
        of_group = false;
      }
    }
    shorter_[model] = std::move(kept);
  }

  const GreedyPool& pool_;
  double epsilon_;
  std::vector<std::vector<GreedySample>> shorter_;  // rankings without most of the answered samples; empty: the pool's
  std::vector<bool> used_;
  std::vector<std::uint64_t> unanswered_;  // bits
  std::size_t left_;
  std::vector<int> more_errors_;  // [models]: than the reference's, on what is unanswered
  std::vector<std::size_t> by_cost_;
};

}  // namespace

std::vector<GreedySample> greedy_ranking(const TierTrace& model, const TierTrace& reference) {
  const std::vector<std::uint32_t> order = rank_by_certainty(model.certainty);
  std::vector<GreedySample> ranking;
  ranking.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t sample = order[i];
    ranking.emplace_back(sample, model.wrong[sample] - reference.wrong[sample],
                         i + 1 == order.size() || model.certainty[sample] != model.certainty[order[i + 1]]);
  }
  return ranking;
}

std::vector<GreedyTier> greedy_tiers(const GreedyPool& pool, double epsilon) { return GreedyRun(pool, epsilon).tiers(); }

}  // namespace quorate
