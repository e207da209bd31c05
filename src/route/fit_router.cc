#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "quorate/core/random.h"
#include "quorate/route/router.h"
#include "route/logistic.h"
#include "route/tails.h"
#include "route/trace.h"

namespace quorate {
namespace {

constexpr int kTradeOffHalves = 24;  // each way

// Everything that fitting reads, checked.
class RouterFit {
 public:
  RouterFit(const Cascade& cascade, const Predictions& predictions, MatrixView<const double> features,
            const ModelCosts& cost, const RouterOptions& options)
      : features_(features), options_(options) {
    check_classes(predictions);
    check(cascade, predictions.models());
    check(cost, predictions.models(), predictions.samples());
    check_options(predictions.samples(), predictions.models());
    plain_ = tails(cascade, predictions, cost, options.threads);
    features_cost_.assign(features_.rows, options.features_cost);
    tails_ = options.features_model ? paid_before(cascade, predictions, cost) : plain_;
    for (const TailOutcome& tail : tails_) {
      const auto [least, most] = std::minmax_element(tail.cost.begin(), tail.cost.end());
      least_.push_back(*least);
      most_.push_back(*most);
    }
  }

  std::size_t samples() const { return features_.rows; }

  // The router fitted on these samples.
  Router on(std::span<const std::size_t> rows) const {
    Router router;
    for (std::size_t k = 0; k < tails_.size(); ++k) {
      const double spread = most_[k] - least_[k];
      std::vector<double> right(samples());
      std::vector<double> share(samples());
      for (std::size_t i = 0; i < samples(); ++i) {
        right[i] = tails_[k].wrong[i] == 0 ? 1.0 : 0.0;
        share[i] = spread > 0.0 ? (tails_[k].cost[i] - least_[k]) / spread : 0.0;
      }
      RouterEntry entry{.quality = fit_logistic(features_, right, rows, options_.ridge),
                        .go_on = std::vector<double>(features_.cols + 1, 0.0),
                        .least_cost = least_[k],
                        .most_cost = most_[k]};
      if (spread > 0.0) entry.go_on = fit_logistic(features_, share, rows, options_.ridge);
      router.entries.push_back(std::move(entry));
    }
    return router;
  }

  Router on_all() const {
    std::vector<std::size_t> rows(samples());
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    return on(rows);
  }

  // One router for each fold, fitted without it.
  std::vector<Router> cross_fitted() const {
    const auto folds = static_cast<std::size_t>(options_.folds);
    std::vector<Router> routers(folds);
    parallel_for(folds, options_.threads, [&](std::size_t begin, std::size_t end) {
      for (std::size_t fold = begin; fold < end; ++fold) {
        std::vector<std::size_t> rows;
        for (std::size_t i = 0; i < samples(); ++i)
          if (fold_[i] != fold) rows.push_back(i);
        routers[fold] = on(rows);
      }
    });
    return routers;
  }

  // What entering there comes to.
  struct Outcome {
    double loss = 0.0;
    double cost = 0.0;
    double saving = 0.0;        // of cost, mean difference to the plain cascade
    double saving_error = 0.0;  // its standard error
  };
  // `tails` of the samples and `extra` [samples] costs before they enter.
  template <class EntryOf>
  Outcome outcome(const std::vector<TailOutcome>& tails_of, std::span<const double> extra, const EntryOf& entry_of) const {
    std::size_t errors = 0;
    double cost = 0.0;
    double saving = 0.0;
    double squares = 0.0;
    for (std::size_t i = 0; i < samples(); ++i) {
      const TailOutcome& tail = tails_of[entry_of(i)];
      const double one = tail.cost[i] + (extra.empty() ? 0.0 : extra[i]);
      errors += tail.wrong[i];
      cost += one;
      saving += plain_[0].cost[i] - one;
      squares += (plain_[0].cost[i] - one) * (plain_[0].cost[i] - one);
    }
    const auto n = static_cast<double>(samples());
    const double mean = saving / n;
    return {static_cast<double>(errors) / n, cost / n, mean, std::sqrt(std::max(squares / n - mean * mean, 0.0) / n)};
  }

  Outcome always(std::size_t tier) const {
    return outcome(plain_, {}, [&](std::size_t) { return tier; });
  }

  Outcome routed(std::vector<Router>& routers, double trade_off) const {
    for (Router& router : routers) router.trade_off = trade_off;
    return outcome(tails_, features_cost_,
                   [&](std::size_t i) { return static_cast<std::size_t>(routers[fold_[i]].entry(features_[i])); });
  }

  std::vector<double> trade_offs() const {
    std::vector<double> result = {0.0};
    for (int j = -kTradeOffHalves; j <= kTradeOffHalves && most_[0] > 0.0; ++j)
      result.push_back(std::exp2(j / 2.0) / most_[0]);
    return result;
  }

  std::size_t tiers() const { return tails_.size(); }

 private:
  // The tails where the model of the features costs nothing any more.
  std::vector<TailOutcome> paid_before(const Cascade& cascade, const Predictions& predictions, const ModelCosts& cost) {
    const auto model = static_cast<std::size_t>(*options_.features_model);
    const std::size_t columns = cost.per_sample() ? predictions.samples() : 1;
    std::vector<double> rest(cost.models() * columns);
    for (std::size_t m = 0; m < cost.models(); ++m)
      for (std::size_t i = 0; i < columns; ++i) rest[m * columns + i] = m == model ? 0.0 : cost.at(m, i);
    for (std::size_t i = 0; i < features_cost_.size(); ++i) features_cost_[i] += cost.at(model, i);
    if (!cost.per_sample()) return tails(cascade, predictions, rest, options_.threads);
    return tails(cascade, predictions, ModelCosts::of_samples({rest.data(), cost.models(), columns}), options_.threads);
  }

  void check_options(std::size_t samples_of_predictions, std::size_t models) {
    require(features_.rows == samples_of_predictions, "features has ", features_.rows, " rows, but must have ",
            samples_of_predictions, ", one for each sample");
    for (std::size_t i = 0; i < features_.rows; ++i)
      for (std::size_t j = 0; j < features_.cols; ++j)
        if (!std::isfinite(features_(i, j)))
          require(false, "features[", i, ", ", j, "] is ", features_(i, j), ", but must be finite");
    if (options_.trade_off)
      require(std::isfinite(*options_.trade_off) && *options_.trade_off >= 0.0, "trade_off is ", *options_.trade_off,
              ", but must be finite and at least 0");
    require(options_.max_loss_increase >= 0.0 && options_.max_loss_increase <= 1.0, "max_loss_increase is ",
            options_.max_loss_increase, ", but must be from 0 to 1");
    require(std::isfinite(options_.features_cost) && options_.features_cost >= 0.0, "features_cost is ",
            options_.features_cost, ", but must be finite and at least 0");
    require(std::isfinite(options_.ridge) && options_.ridge > 0.0, "ridge is ", options_.ridge,
            ", but must be finite and above 0");
    if (options_.features_model) {
      const int model = *options_.features_model;
      require(model >= 0 && static_cast<std::size_t>(model) < models, "features_model is ", model,
              ", but must be a model, from 0 to ", models - 1);
    }
    const auto samples = static_cast<long long>(features_.rows);
    require(options_.folds >= 2 && options_.folds <= samples, "folds is ", options_.folds, ", but must be from 2 to ",
            samples, ", the number of samples");
    std::vector<std::size_t> order(features_.rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    Random random(options_.seed);
    for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[random.below(left)]);
    fold_.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) fold_[order[i]] = i % static_cast<std::size_t>(options_.folds);
  }

  MatrixView<const double> features_;
  const RouterOptions& options_;
  std::vector<TailOutcome> plain_;     // [tiers], at the costs given
  std::vector<TailOutcome> tails_;     // [tiers], without what features have cost already
  std::vector<double> features_cost_;  // [samples]
  std::vector<double> least_;          // [tiers]
  std::vector<double> most_;           // [tiers]
  std::vector<std::size_t> fold_;
};

Router with(Router router, double trade_off, const RouterFit::Outcome& outcome) {
  router.trade_off = trade_off;
  router.loss = outcome.loss;
  router.cost = outcome.cost;
  return router;
}

Router always_at(Router router, std::size_t tier, const RouterFit::Outcome& outcome) {
  router.always = static_cast<int>(tier);
  return with(std::move(router), 0.0, outcome);
}

}  // namespace

Router fit_router(const Cascade& cascade, const Predictions& predictions, MatrixView<const double> features,
                  const ModelCosts& cost, const RouterOptions& options) {
  const RouterFit fit(cascade, predictions, features, cost, options);
  std::vector<Router> folds = fit.cross_fitted();
  if (options.trade_off) return with(fit.on_all(), *options.trade_off, fit.routed(folds, *options.trade_off));
  const RouterFit::Outcome plain = fit.always(0);
  Router best = always_at(fit.on_all(), 0, plain);
  for (const double trade_off : fit.trade_offs()) {
    const RouterFit::Outcome outcome = fit.routed(folds, trade_off);
    const bool pays = outcome.saving > 0.0 && outcome.saving >= 2.0 * outcome.saving_error;
    if (!pays || outcome.loss > plain.loss + options.max_loss_increase || outcome.cost >= best.cost) continue;
    best.always = -1;
    best = with(std::move(best), trade_off, outcome);
  }
  return best;
}

RouterFront fit_routers(const Cascade& cascade, const Predictions& predictions, MatrixView<const double> features,
                        const ModelCosts& cost, const RouterOptions& options) {
  RouterOptions own = options;
  own.trade_off.reset();
  const RouterFit fit(cascade, predictions, features, cost, own);
  std::vector<Router> folds = fit.cross_fitted();
  const Router whole = fit.on_all();
  std::vector<Router> candidates;
  for (std::size_t tier = 0; tier < fit.tiers(); ++tier) candidates.push_back(always_at(whole, tier, fit.always(tier)));
  for (const double trade_off : fit.trade_offs()) candidates.push_back(with(whole, trade_off, fit.routed(folds, trade_off)));
  return RouterFront(std::move(candidates));
}

}  // namespace quorate
