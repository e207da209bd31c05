#include "quorate/route/greedy_cascades.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "route/cost.h"
#include "route/sweep.h"
#include "route/trace.h"

namespace quorate {
namespace {

// A sample in the order of one model's certainty, in one word: its index, its errors over the reference's plus one, and
// whether the next is of lower certainty.
class Ranked {
 public:
  Ranked(std::uint32_t sample, int more_errors, bool last_of_equals)
      : word_(sample << 3 | static_cast<std::uint32_t>(more_errors + 1) << 1 | (last_of_equals ? 1u : 0u)) {}
  std::uint32_t sample() const { return word_ >> 3; }
  int more_errors() const { return static_cast<int>(word_ >> 1 & 3u) - 1; }
  bool last_of_equals() const { return (word_ & 1u) != 0; }
  void end_equals() { word_ |= 1u; }

 private:
  std::uint32_t word_;
};
constexpr std::size_t kMostSamples = std::size_t{1} << 29;

struct GreedyPool {
  std::vector<TierTrace> traces;             // [models]
  std::vector<std::vector<Ranked>> ranking;  // [models][samples], most certain first
  std::span<const double> cost;              // [models], means
  std::size_t reference = 0;
  std::size_t samples = 0;
  double max_worst_cost = std::numeric_limits<double>::infinity();
  std::size_t max_depth = 0;
};

std::size_t errors_of(const TierTrace& trace) {
  return static_cast<std::size_t>(std::count(trace.wrong.begin(), trace.wrong.end(), 1));
}

std::vector<Ranked> rank(const TierTrace& model, const TierTrace& reference) {
  struct Sure {
    double certainty;
    std::uint32_t sample;
  };
  std::vector<Sure> order(model.certainty.size());
  // A NaN never reaches a threshold: it stands last.
  for (std::uint32_t i = 0; i < order.size(); ++i)
    order[i] = {std::isnan(model.certainty[i]) ? -1.0 : model.certainty[i], i};
  std::sort(order.begin(), order.end(), [](const Sure& a, const Sure& b) {
    return a.certainty != b.certainty ? a.certainty > b.certainty : a.sample < b.sample;
  });
  std::vector<Ranked> ranked;
  ranked.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t sample = order[i].sample;
    ranked.emplace_back(sample, model.wrong[sample] - reference.wrong[sample],
                        i + 1 == order.size() || order[i].certainty != order[i + 1].certainty);
  }
  return ranked;
}

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

// One run of the greedy, for one epsilon.
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
    const auto errors = [&](std::size_t model) { return static_cast<int>(errors_of(pool.traces[model])); };
    for (std::size_t model = 0; model < used_.size(); ++model)
      more_errors_.push_back(errors(model) - errors(pool.reference));
    std::iota(by_cost_.begin(), by_cost_.end(), std::size_t{0});
    std::stable_sort(by_cost_.begin(), by_cost_.end(),
                     [&](std::size_t a, std::size_t b) { return pool.cost[a] < pool.cost[b]; });
  }

  // The tiers: model, and the sample whose certainty is the threshold.
  std::vector<Offer> tiers() {
    std::vector<Offer> result;
    double spent = 0.0;
    while (left_ > 0) {
      const Offer next = best(spent, result.size());
      result.push_back(next);
      spent += pool_.cost[next.model];
      used_[next.model] = true;
      answer(next);
    }
    return result;
  }

 private:
  bool is_unanswered(std::uint32_t sample) const { return (unanswered_[sample / 64] >> sample % 64 & 1u) != 0; }

  const std::vector<Ranked>& ranking(std::size_t model) const {
    return shorter_[model].empty() ? pool_.ranking[model] : shorter_[model];
  }

  // The most that the model can answer; nothing where that is less than `least` for its cost. From the least certain sample
  // up: the first threshold that keeps the constraint answers most, and most models are out of the race after a few.
  Offer offer(std::size_t model, double least) const {
    Offer result{.model = model, .answered = left_};
    int more = more_errors_[model];
    const std::vector<Ranked>& ranked = ranking(model);
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
    for (const Ranked ranked : ranking(tier.model)) {
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
    std::vector<Ranked> kept;
    kept.reserve(left_);
    bool of_group = false;  // whether the group being read has a sample among the kept
    for (const Ranked ranked : ranking(model)) {
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
  std::vector<std::vector<Ranked>> shorter_;  // rankings without most of the answered samples; empty: the pool's
  std::vector<bool> used_;
  std::vector<std::uint64_t> unanswered_;  // bits
  std::size_t left_;
  std::vector<int> more_errors_;  // [models]: than the reference's, on what is unanswered
  std::vector<std::size_t> by_cost_;
};

Cascade cascade_of(const std::vector<Offer>& offers, const GreedyPool& pool, const ModelCosts& cost, Signal signal,
                   double epsilon) {
  Cascade cascade;
  for (const Offer& offer : offers)
    cascade.tiers.push_back({{static_cast<int>(offer.model)},
                             {1.0},
                             signal,
                             pool.traces[offer.model].certainty[offer.least_certain],
                             pool.cost[offer.model]});
  cascade.tiers.back().threshold = 0.0;

  std::size_t errors = 0;
  std::vector<double> spent(offers.size());
  std::vector<std::size_t> reached(offers.size());
  for (std::size_t sample = 0; sample < pool.samples; ++sample)
    for (std::size_t k = 0; k < offers.size(); ++k) {
      const TierTrace& trace = pool.traces[offers[k].model];
      ++reached[k];
      spent[k] += cost.at(offers[k].model, sample);
      if (!may_stop(trace.certainty[sample], cascade.tiers[k].threshold)) continue;
      errors += trace.wrong[sample];
      break;
    }
  cascade.loss = static_cast<double>(errors) / static_cast<double>(pool.samples);
  for (std::size_t k = 0; k < offers.size(); ++k) {
    cascade.cost += cost.per_sample() ? spent[k] / static_cast<double>(pool.samples)
                                      : expected_cost(cascade.tiers[k].cost, reached[k], pool.samples);
    cascade.worst_cost += cascade.tiers[k].cost;
  }
  cascade.found_by = message("greedy (Streeter 2018): at most ", epsilon, " above the error rate of model ", pool.reference);
  return cascade;
}

std::size_t reference_of(const GreedyPool& pool, const GreedyCascadeOptions& options) {
  if (options.reference) {
    const int reference = *options.reference;
    const auto models = static_cast<int>(pool.traces.size());
    require(reference >= 0 && reference < models, "reference is ", reference, ", but must be a model, from 0 to ",
            models - 1);
    const double its_cost = pool.cost[static_cast<std::size_t>(reference)];
    require(its_cost <= pool.max_worst_cost, "max_worst_cost is ", pool.max_worst_cost, ", but must be at least ", its_cost,
            ", the cost of the reference, model ", reference);
    return static_cast<std::size_t>(reference);
  }
  const double cheapest = *std::min_element(pool.cost.begin(), pool.cost.end());
  require(cheapest <= pool.max_worst_cost, "max_worst_cost is ", pool.max_worst_cost, ", but must be at least ", cheapest,
          ", the cost of the cheapest model");
  std::optional<std::size_t> best;
  std::size_t least = 0;
  for (std::size_t model = 0; model < pool.traces.size(); ++model) {
    if (pool.cost[model] > pool.max_worst_cost) continue;
    const std::size_t errors = errors_of(pool.traces[model]);
    if (best && (errors > least || (errors == least && pool.cost[model] >= pool.cost[*best]))) continue;
    best = model;
    least = errors;
  }
  return *best;
}

std::vector<double> epsilons_of(const GreedyCascadeOptions& options, std::size_t samples) {
  if (!options.max_loss_increase.empty()) {
    for (std::size_t i = 0; i < options.max_loss_increase.size(); ++i) {
      const double epsilon = options.max_loss_increase[i];
      require(epsilon >= 0.0 && epsilon <= 1.0, "max_loss_increase[", i, "] is ", epsilon, ", but must be from 0 to 1");
    }
    return options.max_loss_increase;
  }
  std::vector<double> epsilons = {0.0};
  for (int j = 0; std::exp2(-j / 2.0) * static_cast<double>(samples) >= 1.0; ++j) epsilons.push_back(std::exp2(-j / 2.0));
  return epsilons;
}

}  // namespace

CascadeFront greedy_cascades(const Predictions& predictions, const ModelCosts& cost, const GreedyCascadeOptions& options) {
  check_classes(predictions);
  check_given(predictions, options.signal);
  check(cost, predictions.models(), predictions.samples());
  require(options.max_depth >= 1 && options.max_depth <= kDeepest, "max_depth is ", options.max_depth,
          ", but must be from 1 to ", kDeepest);
  require(predictions.samples() < kMostSamples, "predictions have ", predictions.samples(),
          " samples, but must have fewer than ", kMostSamples);

  const std::size_t models = predictions.models();
  GreedyPool pool;
  pool.samples = predictions.samples();
  pool.cost = cost.means();
  pool.max_worst_cost = options.max_worst_cost.value_or(std::numeric_limits<double>::infinity());
  pool.max_depth = static_cast<std::size_t>(options.max_depth);
  pool.traces.assign(models, TierTrace(0));
  parallel_for(models, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t model = begin; model < end; ++model)
      pool.traces[model] = ask(predictions, Tier{{static_cast<int>(model)}, {1.0}, options.signal, 0.0, 0.0});
  });
  pool.reference = reference_of(pool, options);
  const std::vector<double> epsilons = epsilons_of(options, pool.samples);
  pool.ranking.resize(models);
  parallel_for(models, options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t model = begin; model < end; ++model)
      pool.ranking[model] = rank(pool.traces[model], pool.traces[pool.reference]);
  });

  std::vector<Cascade> cascades(epsilons.size());
  parallel_for(epsilons.size(), options.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      cascades[i] = cascade_of(GreedyRun(pool, epsilons[i]).tiers(), pool, cost, options.signal, epsilons[i]);
  });
  return CascadeFront(std::move(cascades));
}

}  // namespace quorate
