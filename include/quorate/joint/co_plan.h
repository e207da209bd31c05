// Cascade and placement chosen together: the best thresholds depend on what the devices are bad at, and the best placement
// on what the cascade sends where.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "quorate/core/device.h"
#include "quorate/library/predictions.h"
#include "quorate/plan/plan.h"
#include "quorate/plan/profile.h"
#include "quorate/route/find_cascades.h"

namespace quorate {

struct CoPlanOptions {
  // The cascades wanted: those of an error rate of at most this. Infinity: a front, at `levels` losses spread over that of
  // find_cascades() with the first costs.
  double max_loss = std::numeric_limits<double>::infinity();
  int levels = 8;
  // [models] of the predictions: what a sample is taken to cost at first. Empty: the least seconds a sample that the
  // profile has for the model, whatever the kind and the batch size: what one would route by without knowing the devices.
  std::vector<double> cost = {};
  int max_rounds = 8;            // of a loss level and a start; it ends before at a cascade that the level has had
  CascadeOptions cascades = {};  // how cascades are found
  // Of each plan; demand must be empty: it is the cascade's. The objective is kThroughput or, for the `rate`, kMoney.
  PlanOptions plan = {.time_limit_s = 0.25};
};

// A cascade with the plan made for it.
struct CoPlanPoint {
  Cascade cascade;               // members are indices of the predictions' models
  std::vector<double> demand;    // [models] of the predictions: CascadeReport::demand, on the predictions
  Plan plan;                     // of the profile's models
  double loss = 0.0;             // error rate on the predictions, which the cascade was found on: optimistic
  double throughput = 0.0;       // samples/s, the plan's
  double usd_per_hour = 0.0;     // of the devices that the plan uses
  double usd_per_million = 0.0;  // samples, at that throughput, of the devices that the plan uses
  int rounds = 0;                // that led to it: 0: the first costs' cascade

  bool operator==(const CoPlanPoint&) const = default;
};

struct CoPlan {
  // No point has both a lower loss and a higher throughput than another (for money: a lower cost an hour); of falling loss,
  // so the fastest or cheapest is first.
  std::vector<CoPlanPoint> front;
  std::vector<CoPlanPoint>
      in_turn;      // [levels]: routed by the first costs alone, then planned; one that fits nowhere is absent
  std::string why;  // where the front is empty: what the last plan was short of

  // The fastest, or for money the cheapest, of the points whose loss is at most `max_loss`; nullptr where there is none.
  const CoPlanPoint* best(double max_loss) const;
};

// For a loss level: find_cascades() by costs; the cheapest cascade of at most that loss; evaluate() gives its demand,
// plan() its placement; the plan's prices (what one more sample on a model takes from the throughput) are the next costs,
// each averaged with the ones before, both scaled to what this cascade costs: prices of an optimal share program are a
// subgradient of 1 / throughput in the demand, so a cascade that is cheaper by them may flow faster, and none that is
// dearer does with this placement. A price that is infinite counts as a thousand times the dearest finite one. Two starts:
// `cost`, and for each model the seconds that a sample takes of all the devices together. The best pair found is kept;
// nothing says that it is the best there is. Each pair is planned once. The first round of the first start is what planning
// after routing gives, so no level is ever below that.
//
// For money (plan.objective kMoney, with a rate) each pair's plan is the cheapest found that has the rate, and prices are in
// dollars: those of the devices in use, and of a model without a place what its cheapest kind of device would cost it. The
// second start is that for every model.
//
// Deterministic where no plan is ended by time. Throws std::invalid_argument for predictions whose models are not all in
// the profile, plan.demand that is given, another objective, money where no device costs any, max_rounds or levels below 1,
// a max_loss that no cascade has, and what find_cascades() and plan() throw. Takes about 2 x levels x max_rounds x
// (find_cascades() + plan()).
CoPlan co_plan(const Predictions& predictions, const Profile& profile, const std::vector<Device>& devices,
               const CoPlanOptions& options = {});

}  // namespace quorate
