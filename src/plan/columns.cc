#include "plan/columns.h"

#include <ClpSimplex.hpp>
#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

namespace quorate {

namespace {

// All but the memory and which options run within it.
std::vector<double> key_of(const Problem& problem, std::size_t device) {
  std::vector<double> key = {static_cast<double>(problem.kind[device]), problem.usd_per_hour[device]};
  for (std::size_t m = 0; m < problem.models; ++m) key.push_back(problem.pinned[problem.cell(device, m)] ? 1.0 : 0.0);
  return key;
}

bool runs_all_of(const Problem& problem, std::size_t device, std::size_t other) {
  for (std::size_t option = 0; option < problem.models * problem.batches; ++option)
    if (problem.rate[problem.option(other, 0, 0) + option] > 0.0 &&
        problem.rate[problem.option(device, 0, 0) + option] <= 0.0)
      return false;
  return true;
}

// Of classes of equal devices fewer ones, about `most`.
std::vector<DeviceClass> merged(const Problem& problem, std::vector<DeviceClass> classes, std::size_t most) {
  std::map<std::vector<double>, std::vector<DeviceClass>> by_key;
  for (DeviceClass& alike : classes) by_key[key_of(problem, alike.devices[0])].push_back(std::move(alike));
  const std::size_t together = (classes.size() + most - 1) / most;
  std::vector<DeviceClass> result;
  for (auto& [key, of_key] : by_key) {
    std::ranges::stable_sort(of_key, std::greater<>(),
                             [&](const DeviceClass& alike) { return problem.capacity_bytes[alike.devices[0]]; });
    std::size_t count = together;
    for (const DeviceClass& alike : of_key) {
      if (count == together || !runs_all_of(problem, result.back().devices[0], alike.devices[0])) {
        result.emplace_back();
        count = 0;
      }
      result.back().devices.insert(result.back().devices.end(), alike.devices.begin(), alike.devices.end());
      ++count;
    }
  }
  return result;
}

}  // namespace

std::vector<DeviceClass> classes_of(const Problem& problem, std::size_t most_cells) {
  std::map<std::vector<double>, std::size_t> found;
  std::vector<DeviceClass> classes;
  for (std::size_t device = 0; device < problem.devices; ++device) {
    // The kind and the memory say nearly all; what is allowed may differ besides.
    std::vector<double> key = key_of(problem, device);
    key.push_back(static_cast<double>(problem.capacity_bytes[device]));
    for (std::size_t option = 0; option < problem.models * problem.batches; ++option)
      key.push_back(problem.rate[problem.option(device, 0, 0) + option] > 0.0 ? 1.0 : 0.0);
    const auto [at, is_new] = found.emplace(std::move(key), classes.size());
    if (is_new) classes.emplace_back();
    classes[at->second].devices.push_back(device);
  }
  const std::size_t most = std::max<std::size_t>(most_cells / problem.models, 1);
  return classes.size() <= most ? classes : merged(problem, std::move(classes), most);
}

struct Columns::Program {
  ClpSimplex lp;
};

Columns::Columns(const Problem& problem, const std::vector<DeviceClass>& classes, Goal goal)
    : problem_(problem),
      classes_(classes),
      goal_(std::move(goal)),
      most_(problem.models, std::numeric_limits<double>::infinity()),
      program_(std::make_unique<Program>()),
      price_(problem.models, 0.0) {
  limit(most_);
}

Columns::~Columns() = default;

void Columns::limit(std::vector<double> most) {
  most_ = std::move(most);
  scale_ = 0.0;
  for (std::size_t m = 0; m < problem_.models; ++m)
    if (std::isfinite(most_[m])) scale_ = std::max(scale_, most_[m] / problem_.demand[m]);
  if (scale_ <= 0.0) scale_ = 1.0;
  ClpSimplex& lp = program_->lp;
  lp = ClpSimplex();
  lp.setLogLevel(0);
  lp.setPrimalTolerance(1e-9);
  lp.setDualTolerance(1e-9);
  const std::size_t models = problem_.models, first_class = models + rows_.size();
  std::vector<double> lower(first_class + classes_.size(), 0.0), upper(lower.size(), COIN_DBL_MAX);
  for (std::size_t r = 0; r < rows_.size(); ++r) lower[models + r] = rows_[r].at_least;
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    lower[first_class + k] = -COIN_DBL_MAX;
    upper[first_class + k] = static_cast<double>(classes_[k].devices.size());
  }
  std::vector<int> row(models);
  std::iota(row.begin(), row.end(), 0);
  const std::vector<double> minus(models, -1.0);
  const bool fixed = goal_.rate > 0.0;
  const double cost = fixed ? 0.0 : -1.0, least_t = fixed ? goal_.rate / scale_ : 0.0,
               most_t = fixed ? least_t : COIN_DBL_MAX;
  const CoinBigIndex start[2] = {0, static_cast<CoinBigIndex>(models)};
  lp.loadProblem(1, static_cast<int>(lower.size()), start, row.data(), minus.data(), &least_t, &most_t, &cost, lower.data(),
                 upper.data());
  // What no column can give to a hosting row is bought at a price beyond any throughput, so that the program always has a
  // solution.
  const double dear =
      fixed ? 1.0 + std::accumulate(goal_.cost.begin(), goal_.cost.end(), 0.0) * static_cast<double>(problem_.devices) : 2.0;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const int row_of_it = static_cast<int>(models + r);
    const double one = 1.0;
    lp.addColumn(1, &row_of_it, &one, 0.0, COIN_DBL_MAX, dear);
  }
  appended_ = 0;
}

void Columns::require(std::vector<HostingRow> rows) {
  rows_ = std::move(rows);
  cover_.assign(rows_.size(), 0.0);
  limit(most_);
}

// All at once: each call copies the program's matrix.
void Columns::append_new() {
  std::vector<CoinBigIndex> start = {0};
  std::vector<int> row;
  std::vector<double> value, cost;
  for (; appended_ < columns_.size(); ++appended_) {
    const Column& column = columns_[appended_];
    const std::size_t device = classes_[column.of_class].devices[0];
    for (const Hosted& hosted : column.hosted) {
      const double rate =
          std::min(hosted.share * problem_.rate[problem_.option(device, hosted.m, hosted.batch)], most_[hosted.m]);
      if (rate <= 0.0) continue;
      row.push_back(static_cast<int>(hosted.m));
      value.push_back(rate / problem_.demand[hosted.m] / scale_);
    }
    for (std::size_t r = 0; r < rows_.size(); ++r)
      for (const Hosted& hosted : column.hosted)
        if (hosted.m == rows_[r].m) {
          row.push_back(static_cast<int>(problem_.models + r));
          value.push_back(rows_[r].weight[column.of_class * problem_.batches + hosted.batch]);
        }
    row.push_back(static_cast<int>(problem_.models + rows_.size() + column.of_class));
    value.push_back(1.0);
    cost.push_back(goal_.rate > 0.0 ? goal_.cost[column.of_class] : 0.0);
    start.push_back(static_cast<CoinBigIndex>(row.size()));
  }
  if (cost.empty()) return;
  const std::vector<double> lower(cost.size(), 0.0), upper(cost.size(), COIN_DBL_MAX);
  program_->lp.addColumns(static_cast<int>(cost.size()), lower.data(), upper.data(), cost.data(), start.data(), row.data(),
                          value.data());
}

bool Columns::add(Column column) {
  const auto same = [&](const Column& other) {
    return other.of_class == column.of_class && other.hosted.size() == column.hosted.size() &&
           std::equal(other.hosted.begin(), other.hosted.end(), column.hosted.begin(), [](const Hosted& a, const Hosted& b) {
             return a.m == b.m && a.batch == b.batch && std::abs(a.share - b.share) < 1e-9;
           });
  };
  if (std::any_of(columns_.begin(), columns_.end(), same)) return false;
  columns_.push_back(std::move(column));
  return true;
}

void Columns::solve() {
  ClpSimplex& lp = program_->lp;
  append_new();
  lp.primal();
  const double* value = lp.primalColumnSolution();
  objective_ = goal_.rate > 0.0 ? lp.objectiveValue() : -lp.objectiveValue() * scale_;
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].times = std::max(0.0, value[1 + rows_.size() + i]);
  const double* dual = lp.dualRowSolution();
  const std::size_t models = problem_.models;
  for (std::size_t m = 0; m < models; ++m) price_[m] = std::max(0.0, dual[m]);
  for (std::size_t r = 0; r < rows_.size(); ++r) cover_[r] = std::max(0.0, dual[models + r]);
  // Of a fixed t the prices are in the cost's unit; else they must weigh t itself with exactly 1.
  double by = 1.0, unit = 1.0;
  if (goal_.rate <= 0.0) {
    const double sum = std::accumulate(price_.begin(), price_.end(), 0.0);
    if (sum <= 0.0) {
      price_.assign(models, 1.0 / static_cast<double>(models));
      cover_.assign(rows_.size(), 0.0);
    } else {
      by = 1.0 / sum;
    }
    unit = scale_;
  }
  for (std::size_t m = 0; m < models; ++m) price_[m] *= by / problem_.demand[m] * (goal_.rate > 0.0 ? 1.0 / scale_ : 1.0);
  for (double& cover : cover_) cover *= by * unit;
}

}  // namespace quorate
