#include "quorate/joint/co_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "core/message.h"
#include "quorate/route/evaluate.h"

namespace quorate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kUnfit = 1000.0;  // times the dearest finite price
constexpr double kFree = 1e-6;     // usd_per_hour beyond what a device costs: between free ones seconds decide

// Where each of the predictions' models stands in the profile.
std::vector<std::size_t> columns_of(const Predictions& predictions, const Profile& profile) {
  std::vector<std::size_t> columns;
  for (const std::string& name : predictions.names()) {
    const auto found = std::ranges::find(profile.models, name);
    require(found != profile.models.end(), "the profile has no model \"", name, "\", but the predictions do; it has ",
            joined(profile.models));
    columns.push_back(static_cast<std::size_t>(found - profile.models.begin()));
  }
  return columns;
}

double least_seconds(const Profile& profile, std::size_t kind, std::size_t model) {
  double least_s = kNever;
  for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch)
    least_s = std::min(least_s, profile.latency_s[profile.index(kind, model, batch)] / profile.batch_sizes[batch]);
  return least_s;
}

// [columns]: seconds of a sample on the kind that is fastest for the model.
std::vector<double> fastest_seconds(const Profile& profile, const std::vector<std::size_t>& columns) {
  std::vector<double> cost;
  for (const std::size_t model : columns) {
    double least_s = kNever;
    for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
      least_s = std::min(least_s, least_seconds(profile, kind, model));
    cost.push_back(least_s);
  }
  return cost;
}

// [columns]: seconds of a sample if all devices ran the model alone. Infinity where none does.
std::vector<double> shared_seconds(const Profile& profile, const std::vector<Device>& devices,
                                   const std::vector<std::size_t>& columns) {
  std::vector<double> cost;
  for (const std::size_t model : columns) {
    double rate = 0.0;
    for (const Device& device : devices) {
      if (const std::optional<std::size_t> kind = profile.kind_index(device.kind))
        rate += 1.0 / least_seconds(profile, *kind, model);
    }
    cost.push_back(1.0 / rate);
  }
  return cost;
}

// [columns]: dollars of a sample x 3,600 on the device that is cheapest for the model. Infinity where it runs on none.
std::vector<double> cheapest_dollars(const Profile& profile, const std::vector<Device>& devices,
                                     const std::vector<std::size_t>& columns) {
  std::vector<double> cost;
  for (const std::size_t model : columns) {
    double least = kNever;
    for (const Device& device : devices)
      if (const std::optional<std::size_t> kind = profile.kind_index(device.kind))
        if (const double seconds = least_seconds(profile, *kind, model); std::isfinite(seconds))
          least = std::min(least, (device.usd_per_hour + kFree) * seconds);
    cost.push_back(least);
  }
  return cost;
}

std::vector<double> finite(std::vector<double> cost) {
  double dearest = 0.0;
  for (const double each : cost)
    if (std::isfinite(each)) dearest = std::max(dearest, each);
  for (double& each : cost)
    if (!std::isfinite(each)) each = kUnfit * std::max(dearest, 1.0);
  return cost;
}

// The average of two costs, each scaled so that this demand costs 1.
std::vector<double> averaged(const std::vector<double>& before, const std::vector<double>& prices,
                             const std::vector<double>& demand) {
  const auto scale = [&](const std::vector<double>& cost) {
    const double sum = std::inner_product(cost.begin(), cost.end(), demand.begin(), 0.0);
    return sum > 0.0 ? 1.0 / sum : 1.0;
  };
  const double first = scale(before), second = scale(prices);
  std::vector<double> cost(before.size());
  for (std::size_t m = 0; m < cost.size(); ++m) cost[m] = 0.5 * (first * before[m] + second * prices[m]);
  return cost;
}

// Cascades with their plans, each made once.
class Pairs {
 public:
  Pairs(const Predictions& predictions, const Profile& profile, const std::vector<Device>& devices,
        const CoPlanOptions& options)
      : predictions_(predictions),
        profile_(profile),
        devices_(devices),
        options_(options),
        columns_(columns_of(predictions, profile)),
        for_money_(options.plan.objective == Objective::kMoney),
        first_cost_(finite(options.cost.empty() ? fastest_seconds(profile, columns_) : options.cost)),
        second_cost_(finite(for_money_ ? cheapest_dollars(profile, devices, columns_)
                                       : shared_seconds(profile, devices, columns_))) {}

  const std::vector<double>& first_cost() const { return first_cost_; }
  const std::vector<double>& second_cost() const { return second_cost_; }

  CascadeFront find(const std::vector<double>& cost) const {
    return find_cascades(predictions_, ModelCosts(cost), options_.cascades);
  }

  // Index of the pair.
  std::size_t add(const Cascade& cascade, int rounds) {
    std::vector<std::pair<std::vector<int>, double>> key;
    for (const Tier& tier : cascade.tiers) key.emplace_back(tier.members, tier.threshold);
    const auto [known, added] = known_.try_emplace(key, pairs_.size());
    if (!added) return known->second;
    const CascadeReport report = evaluate(cascade, predictions_, ModelCosts(first_cost_), options_.cascades.threads);
    PlanOptions planning = options_.plan;
    planning.demand.assign(profile_.models.size(), 0.0);
    for (std::size_t m = 0; m < columns_.size(); ++m) planning.demand[columns_[m]] = report.demand[m];
    CoPlanPoint pair{cascade, report.demand, plan(profile_, devices_, planning), report.loss, 0.0, 0.0, 0.0, rounds};
    pair.throughput = pair.plan.throughput;
    pair.usd_per_hour = pair.plan.usd_per_hour();
    pair.usd_per_million = pair.throughput > 0.0 ? pair.usd_per_hour / (pair.throughput * 3600.0) * 1e6 : kNever;
    pairs_.push_back(std::move(pair));
    return known->second;
  }

  const CoPlanPoint& operator[](std::size_t pair) const { return pairs_[pair]; }

  // The next costs after a pair, which has a plan.
  std::vector<double> next_cost(const std::vector<double>& before, const CoPlanPoint& pair) const {
    std::vector<double> prices;
    for (std::size_t m = 0; m < columns_.size(); ++m) {
      const double price = pair.plan.price[columns_[m]];
      if (!for_money_)
        prices.push_back(price);
      else  // devices that are not in use are worth nothing to the plan, but cost all the same
        prices.push_back(pair.demand[m] > 0.0 ? price * pair.usd_per_hour / pair.throughput : second_cost_[m]);
    }
    return averaged(before, finite(std::move(prices)), pair.demand);
  }

  std::vector<CoPlanPoint> front() const {
    std::vector<CoPlanPoint> ascending;
    for (const CoPlanPoint& pair : pairs_)
      if (pair.plan.feasible) ascending.push_back(pair);
    const auto better = [&](const CoPlanPoint& a, const CoPlanPoint& b) {
      return for_money_ ? a.usd_per_hour < b.usd_per_hour : a.throughput > b.throughput;
    };
    std::ranges::stable_sort(ascending, [&](const CoPlanPoint& a, const CoPlanPoint& b) {
      return a.loss < b.loss || (a.loss == b.loss && better(a, b));
    });
    std::vector<CoPlanPoint> front;
    for (CoPlanPoint& pair : ascending)
      if (front.empty() || better(pair, front.back())) front.push_back(std::move(pair));
    std::ranges::reverse(front);
    return front;
  }

  std::string why() const {
    for (auto pair = pairs_.rbegin(); pair != pairs_.rend(); ++pair)
      if (!pair->plan.feasible) return pair->plan.why;
    return "";
  }

 private:
  const Predictions& predictions_;
  const Profile& profile_;
  const std::vector<Device>& devices_;
  const CoPlanOptions& options_;
  std::vector<std::size_t> columns_;
  bool for_money_ = false;
  std::vector<double> first_cost_, second_cost_;
  std::vector<CoPlanPoint> pairs_;
  std::map<std::vector<std::pair<std::vector<int>, double>>, std::size_t> known_;
};

// The cheapest of at most that loss: fronts descend in it.
const Cascade* cheapest(const CascadeFront& front, double max_loss) {
  for (const Cascade& cascade : front)
    if (cascade.loss <= max_loss) return &cascade;
  return nullptr;
}

std::vector<double> levels_of(const CascadeFront& front, const CoPlanOptions& options) {
  if (std::isfinite(options.max_loss)) {
    require(cheapest(front, options.max_loss) != nullptr, "max_loss is ", options.max_loss,
            ", but the least that a cascade has is ", front[front.size() - 1].loss);
    return {options.max_loss};
  }
  std::vector<double> levels;
  const std::size_t points = front.size(), wanted = std::min<std::size_t>(static_cast<std::size_t>(options.levels), points);
  for (std::size_t k = 0; k < wanted; ++k)
    levels.push_back(front[wanted == 1 ? points - 1 : k * (points - 1) / (wanted - 1)].loss);
  return levels;
}

}  // namespace

const CoPlanPoint* CoPlan::best(double max_loss) const {
  for (const CoPlanPoint& point : front)
    if (point.loss <= max_loss) return &point;
  return nullptr;
}

CoPlan co_plan(const Predictions& predictions, const Profile& profile, const std::vector<Device>& devices,
               const CoPlanOptions& options) {
  check(profile);
  require(!std::isnan(options.max_loss), "max_loss is nan, but must be a number");
  require(options.levels >= 1, "levels is ", options.levels, ", but must be at least 1");
  require(options.max_rounds >= 1, "max_rounds is ", options.max_rounds, ", but must be at least 1");
  require(options.plan.demand.empty(), "plan.demand is given, but it is each cascade's own");
  require(options.plan.objective == Objective::kThroughput || options.plan.objective == Objective::kMoney,
          "plan.objective is devices or latency, but must be throughput or money");
  Pairs pairs(predictions, profile, devices, options);
  const CascadeFront routed = pairs.find(pairs.first_cost());
  const CascadeFront shared = pairs.find(pairs.second_cost());

  CoPlan result;
  for (const double level : levels_of(routed, options)) {
    std::vector<std::size_t> had;
    for (const bool second : {false, true}) {
      std::vector<double> cost = second ? pairs.second_cost() : pairs.first_cost();
      std::optional<CascadeFront> priced;
      for (int round = 0; round < options.max_rounds; ++round) {
        if (round > 0) priced = pairs.find(cost);
        const Cascade* cascade = cheapest(priced ? *priced : second ? shared : routed, level);
        if (cascade == nullptr) break;  // losses that differ in the last bit
        const std::size_t pair = pairs.add(*cascade, round + (second ? 1 : 0));
        if (round == 0 && !second && pairs[pair].plan.feasible) result.in_turn.push_back(pairs[pair]);
        if (!pairs[pair].plan.feasible || std::ranges::find(had, pair) != had.end()) break;
        had.push_back(pair);
        cost = pairs.next_cost(cost, pairs[pair]);
      }
    }
  }
  result.front = pairs.front();
  if (result.front.empty()) result.why = pairs.why();
  return result;
}

}  // namespace quorate
