#include "plan/share_lp.h"

#include <ClpSimplex.hpp>
#include <algorithm>
#include <limits>
#include <numeric>

namespace quorate {
namespace {

// The most that t could be if every device gave all of its time to every model at once: what the program is scaled by.
double ceiling(std::span<const double> rate, std::span<const double> demand) {
  const std::size_t models = demand.size();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t model = 0; model < models; ++model) {
    double sum = 0.0;
    for (std::size_t cell = model; cell < rate.size(); cell += models) sum += rate[cell];
    least = std::min(least, sum / demand[model]);
  }
  return least;
}

// Row m: sum_d share rate / (demand x scale) - t >= 0. Row models + d: sum_m share <= 1. Column 0 is t, the others are the
// cells with a rate, in order.
void load(ClpSimplex& lp, std::span<const double> rate, std::span<const double> demand, double scale) {
  const int models = static_cast<int>(demand.size());
  const int devices = static_cast<int>(rate.size() / demand.size());
  std::vector<CoinBigIndex> start = {0};
  std::vector<int> row(demand.size());
  std::iota(row.begin(), row.end(), 0);
  std::vector<double> value(demand.size(), -1.0);
  start.push_back(models);
  for (int device = 0; device < devices; ++device)
    for (int model = 0; model < models; ++model) {
      const auto m = static_cast<std::size_t>(model);
      const double cell = rate[static_cast<std::size_t>(device) * demand.size() + m];
      if (cell <= 0.0) continue;
      row.insert(row.end(), {model, models + device});
      value.insert(value.end(), {cell / demand[m] / scale, 1.0});
      start.push_back(start.back() + 2);
    }
  const std::size_t columns = start.size() - 1;
  std::vector<double> cost(columns, 0.0), upper(columns, 1.0);
  cost[0] = -1.0;
  upper[0] = COIN_DBL_MAX;
  std::vector<double> row_lower(demand.size(), 0.0), row_upper(demand.size(), COIN_DBL_MAX);
  row_lower.resize(static_cast<std::size_t>(models + devices), -COIN_DBL_MAX);
  row_upper.resize(static_cast<std::size_t>(models + devices), 1.0);
  lp.loadProblem(static_cast<int>(columns), models + devices, start.data(), row.data(), value.data(), nullptr, upper.data(),
                 cost.data(), row_lower.data(), row_upper.data());
}

// Shares that keep to each device's time exactly, whatever the solver's tolerance left, without the crumbs: those that add
// next to nothing to their model's rate.
std::vector<double> shares_of(const double* column, std::span<const double> rate, std::size_t models) {
  constexpr double kCrumb = 1e-9;
  std::vector<double> share(rate.size(), 0.0), total(models, 0.0);
  for (std::size_t cell = 0; cell < rate.size(); ++cell) {
    if (rate[cell] > 0.0) share[cell] = std::clamp(*column++, 0.0, 1.0);
    total[cell % models] += share[cell] * rate[cell];
  }
  for (std::size_t cell = 0; cell < rate.size(); ++cell)
    if (share[cell] * rate[cell] < kCrumb * total[cell % models]) share[cell] = 0.0;
  for (auto device = share.begin(); device != share.end(); device += static_cast<std::ptrdiff_t>(models)) {
    const auto end = device + static_cast<std::ptrdiff_t>(models);
    const double sum = std::accumulate(device, end, 0.0);
    if (sum > 1.0) std::for_each(device, end, [&](double& value) { value /= sum; });
  }
  return share;
}

double throughput_of(std::span<const double> share, std::span<const double> rate, std::span<const double> demand) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t model = 0; model < demand.size(); ++model) {
    double sum = 0.0;
    for (std::size_t cell = model; cell < rate.size(); cell += demand.size()) sum += share[cell] * rate[cell];
    least = std::min(least, sum / demand[model]);
  }
  return least;
}

// Any prices that are not negative and scaled to sum 1 bound t; the solver's are the best ones.
std::vector<double> prices_of(const double* dual, std::span<const double> demand) {
  std::vector<double> price(demand.size());
  double sum = 0.0;
  for (std::size_t model = 0; model < demand.size(); ++model) sum += price[model] = std::max(0.0, dual[model]);
  for (std::size_t model = 0; model < demand.size(); ++model)
    price[model] = (sum > 0.0 ? price[model] / sum : 1.0 / static_cast<double>(demand.size())) / demand[model];
  return price;
}

std::vector<double> worth_of(std::span<const double> price, std::span<const double> rate) {
  std::vector<double> worth(rate.size() / price.size(), 0.0);
  for (std::size_t cell = 0; cell < rate.size(); ++cell) {
    double& device = worth[cell / price.size()];
    device = std::max(device, price[cell % price.size()] * rate[cell]);
  }
  return worth;
}

}  // namespace

double Shares::bound() const { return std::accumulate(worth.begin(), worth.end(), 0.0) * (1.0 + 1e-12); }

Shares best_shares(std::span<const double> rate, std::span<const double> demand) {
  Shares result;
  const double scale = ceiling(rate, demand);
  if (!(scale > 0.0)) {
    // A model runs nowhere: its price alone says that t is 0.
    result.share.assign(rate.size(), 0.0);
    result.price.assign(demand.size(), 0.0);
    for (std::size_t model = 0; model < demand.size() && result.worth.empty(); ++model) {
      std::vector<double> only(demand.size(), 0.0);
      only[model] = 1.0 / demand[model];
      std::vector<double> worth = worth_of(only, rate);
      if (std::all_of(worth.begin(), worth.end(), [](double value) { return value == 0.0; })) {
        result.price = std::move(only);
        result.worth = std::move(worth);
      }
    }
    return result;
  }
  ClpSimplex lp;
  lp.setLogLevel(0);
  load(lp, rate, demand, scale);
  lp.setPrimalTolerance(1e-9);
  lp.setDualTolerance(1e-9);
  lp.primal();  // from no shares at all, which is feasible
  result.share = shares_of(lp.primalColumnSolution() + 1, rate, demand.size());
  result.throughput = throughput_of(result.share, rate, demand);
  result.price = prices_of(lp.dualRowSolution(), demand);
  result.worth = worth_of(result.price, rate);
  return result;
}

}  // namespace quorate
