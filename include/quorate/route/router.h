// Where a sample enters a cascade, from what is known of it before any tier is asked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quorate/core/view.h"
#include "quorate/library/predictions.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"
#include "quorate/select/front.h"

namespace quorate {

// What entering at one tier is expected to bring: sigmoid(weights . features + the last weight).
struct RouterEntry {
  std::vector<double> quality;  // [features + 1]: the probability that the cascade, entered here, answers rightly
  std::vector<double> go_on;    // [features + 1]: the expected share of (most_cost - least_cost) that it takes
  double least_cost = 0.0;      // of a sample that enters here, on the data fitted on
  double most_cost = 0.0;

  bool operator==(const RouterEntry&) const = default;
};

// A sample with features x enters at the tier k of the highest
//
//     quality_k(x) - trade_off x cost_k(x),   cost_k = least_cost + go_on_k(x) (most_cost - least_cost),
//
// ties to the lowest k, and goes on from there as the cascade does. This is the routing rule of Dekoninck, Baader and Vechev
// (A Unified Approach to Routing and Cascading for LLMs, ICML 2025, arXiv 2410.10347: the maximiser of quality - lambda x
// cost, optimal for a budget where both are known), its alternatives being the cascade's tails "tier k, then k + 1 where
// needed" in place of single models. Where theirs decides again after each model, among all sequences that follow, ours
// decides once: after the entry the cascade's own thresholds stand. Ties are not split at random to meet a budget exactly.
struct Router {
  std::vector<RouterEntry> entries;  // [tiers]
  double trade_off = 0.0;            // lambda: quality that one unit of cost must bring; >= 0
  int always = -1;                   // >= 0: every sample enters there, and features are not read
  double loss = 0.0;  // error rate of cascade and router on the data fitted on, cross-fitted: of each sample by a
                      // router that was fitted without it
  double cost = 0.0;  // mean cost of a sample likewise, with what its features cost

  std::size_t features() const { return entries.front().quality.size() - 1; }

  // Of one sample. O(tiers x features), no allocation. Throws std::invalid_argument for another number of features than
  // fitted, or one that is not finite.
  int entry(std::span<const double> x) const;

  // Of several, [samples, features]; `out` [samples].
  void entry(MatrixView<const double> x, std::span<std::int32_t> out) const;

  bool operator==(const Router&) const = default;
};

using RouterFront = Front<Router>;

struct RouterOptions {
  std::optional<double> trade_off = {};  // None: chosen; see fit_router
  double max_loss_increase = 0.0;        // over the plain cascade's error rate; for choosing. In [0, 1]
  double features_cost = 0.0;            // of having one sample's features, >= 0
  // The model out of whose answers the features are made: a routed sample pays for it before entering, and not again if a
  // tier asks it. Its mean cost is then part of `cost` (as features_cost is); evaluate(entry) takes costs without it.
  std::optional<int> features_model = {};
  double ridge = 1.0;      // weight of |weights|^2 / 2 beside the sum of log losses, features standardised; > 0
  int folds = 5;           // of cross-fitting, 2 to samples
  std::uint64_t seed = 0;  // of the folds
  int threads = 0;         // 0: one for each core; the answer does not depend on it
};

// Fits a router on `predictions` with `features` [samples, features] of the same samples: fresh samples, as models look
// surer on those they were trained on. For each tier the cascade's tail is run on all samples; whether it answers rightly
// and what share of its cost range it takes are each regressed on the features by ridge-logistic regression (the share:
// fractional logistic regression, Papke and Wooldridge 1996), by Newton's method with Cholesky steps, to convergence.
// Deterministic.
//
// Where no trade_off is given it is chosen among 0 and 2^(j / 2) / (cost of a sample that reaches the last tier), j from -24
// to 24, by cross-fitting: the cheapest whose error rate is at most the plain cascade's + max_loss_increase. Its saving must
// be at least 2 standard errors (of the differences to the plain cascade, sample by sample); else `always` is 0, the plain
// cascade: where features say nothing, nothing changes.
//
// Throws std::invalid_argument for a cascade that check() refuses, predictions of values, costs as check() says, features
// that are not finite or not one row for each sample, options out of range. O(folds x tiers x Newton steps x samples x
// features^2).
Router fit_router(const Cascade& cascade, const Predictions& predictions, MatrixView<const double> features,
                  const ModelCosts& cost, const RouterOptions& options = {});

// The front over the trade-offs above, always entering at one tier among them. options.trade_off is not read.
RouterFront fit_routers(const Cascade& cascade, const Predictions& predictions, MatrixView<const double> features,
                        const ModelCosts& cost, const RouterOptions& options = {});

// Features out of a model's answers, for a router that asks a cheap model first: its highest score, that minus the second,
// the entropy of its scores in nats, and where `classes`, a 1 for the class it answers among 0s. [samples, 3 or 3 +
// classes]. Throws std::invalid_argument for predictions of values or a model that is not there.
std::vector<double> answer_features(const Predictions& predictions, int model, bool classes = false);

// Throws std::invalid_argument unless there is a tier, all weights are finite and of one length, costs are ordered, finite
// and not negative, trade_off is finite and not negative, and `always` is -1 or a tier.
void check(const Router& router);

// {"format": "quorate.router", ...} and "quorate.router_front", and back, checked as by check().
std::string to_json(const Router& router);
std::string to_json(const RouterFront& front);
Router router_from_json(std::string_view text, const std::string& name = "router");
RouterFront router_front_from_json(std::string_view text, const std::string& name = "routers");
void save(const Router& router, const std::filesystem::path& path);
void save(const RouterFront& front, const std::filesystem::path& path);
Router load_router(const std::filesystem::path& path);
RouterFront load_router_front(const std::filesystem::path& path);

}  // namespace quorate
