#include "plan/bound.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

namespace quorate {
namespace {

// [models]: the least memory that a model keeps on any device; infinity where it fits none.
std::vector<double> least_bytes(const Problem& problem) {
  std::vector<double> least(problem.models, std::numeric_limits<double>::infinity());
  for (std::size_t device = 0; device < problem.devices; ++device)
    for (std::size_t m = 0; m < problem.models; ++m)
      for (std::size_t batch = 0; batch < problem.batches; ++batch)
        if (const std::size_t option = problem.option(device, m, batch); problem.rate[option] > 0.0)
          least[m] = std::min(least[m], static_cast<double>(problem.resident_bytes[option]));
  return least;
}

// [devices, models]: the best rate that a plan which hosts every model could run the cell at.
std::vector<double> best_rates(const Problem& problem) {
  const std::vector<double> least = least_bytes(problem);
  const double needed = std::accumulate(least.begin(), least.end(), 0.0);
  const double total = std::accumulate(problem.capacity_bytes.begin(), problem.capacity_bytes.end(), 0.0) * (1.0 + 1e-12);
  std::vector<double> best(problem.devices * problem.models, 0.0);
  for (std::size_t cell = 0; cell < best.size(); ++cell)
    for (std::size_t batch = 0; batch < problem.batches; ++batch) {
      const std::size_t option = cell * problem.batches + batch;
      const double others = needed - least[cell % problem.models];
      if (static_cast<double>(problem.memory_bytes(option)) + others <= total)
        best[cell] = std::max(best[cell], problem.rate[option]);
    }
  return best;
}

// Of the branch and bound for one device, while that leads to new columns; and where it does not, so that the round bounds.
constexpr std::size_t kNodes = 4000, kAllNodes = 200000;
constexpr double kClosed = 1e-4;   // a difference between bound and program that isn't worth another round
constexpr double kTighter = 1e-3;  // a bound that much lower is worth limiting the rates by it
constexpr double kBetter = 1e-6;   // relative: a plan that is better by less does not count
constexpr double kInertia = 0.5;   // of the prices from round to round

Column column_of(const Problem& problem, const Scored& scored, std::size_t of_class, std::size_t device) {
  Column column{of_class, {}, 0.0};
  for (std::size_t m = 0; m < problem.models; ++m)
    if (const int batch = scored.placement.batch(problem.cell(device, m)); batch != kAbsent)
      column.hosted.push_back({m, static_cast<std::size_t>(batch), scored.shares.share[problem.cell(device, m)]});
  return column;
}

// Does the problem let the device host that?
bool allowed(const Problem& problem, std::size_t device, const std::vector<Hosted>& hosted) {
  std::size_t pinned = 0;
  for (const Hosted& one : hosted) {
    if (problem.rate[problem.option(device, one.m, one.batch)] <= 0.0) return false;
    pinned += problem.pinned[problem.cell(device, one.m)];
  }
  for (std::size_t m = 0; m < problem.models; ++m) pinned -= problem.pinned[problem.cell(device, m)];
  return pinned == 0;
}

void add_known(const Problem& problem, const std::vector<DeviceClass>& classes, const Known& known, Columns& columns) {
  std::vector<std::size_t> before(problem.devices, 0);  // the class that the device was in
  if (known.before != nullptr)
    for (std::size_t k = 0; k < known.before->classes.size(); ++k)
      for (const std::size_t device : known.before->classes[k].devices) before[device] = k;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const std::size_t first = classes[k].devices[0];
    if (known.placement != nullptr)
      for (const std::size_t device : classes[k].devices)
        if (Column column = column_of(problem, *known.placement, k, device); allowed(problem, first, column.hosted))
          columns.add(std::move(column));
    if (known.before != nullptr)
      for (const Column& column : known.before->columns)
        if (column.of_class == before[first] && allowed(problem, first, column.hosted)) columns.add({k, column.hosted, 0.0});
  }
}

struct Prices {
  std::vector<double> price;  // [models]
  std::vector<double> cover;  // [hosting rows]
};

// `a` may be of fewer rows.
Prices between(const Prices& a, const Prices& b, double of_a) {
  Prices result = b;
  for (std::size_t m = 0; m < b.price.size(); ++m) result.price[m] = of_a * a.price[m] + (1.0 - of_a) * b.price[m];
  for (std::size_t r = 0; r < b.cover.size(); ++r)
    result.cover[r] = (r < a.cover.size() ? of_a * a.cover[r] : 0.0) + (1.0 - of_a) * b.cover[r];
  return result;
}

// [models, batches]: what hosting rows pay to a device of the class.
std::vector<double> cover_of(const Problem& problem, const std::vector<HostingRow>& rows, const std::vector<double>& cover,
                             std::size_t of_class) {
  std::vector<double> result(problem.models * problem.batches, 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t batch = 0; batch < problem.batches && cover[r] > 0.0; ++batch)
      result[rows[r].m * problem.batches + batch] += cover[r] * rows[r].weight[of_class * problem.batches + batch];
  return result;
}

}  // namespace

double beaten_by(double present) { return present * (1.0 + kBetter); }

Relaxation relax(const Problem& problem, double bound, double beaten, const Known& known, int max_rounds, const Clock& clock,
                 const std::vector<HostingLimit>& decided) {
  Relaxation result{bound, classes_of(problem), {}, beaten};
  const std::vector<DeviceClass>& classes = result.classes;
  std::vector<DevicePricer> pricers;
  for (const DeviceClass& alike : classes) pricers.emplace_back(problem, alike.devices[0]);
  Columns columns(problem, classes, {});
  std::vector<HostingRow> rows = least_copies(problem, classes.size(), beaten);
  if (std::ranges::max(rows, {}, &HostingRow::at_least).at_least > static_cast<double>(problem.devices)) {
    result.bound = std::min(bound, beaten);
    return result;
  }
  for (const HostingLimit& limit : decided) rows.push_back(row_of(problem, classes, limit));
  std::vector<double> most(problem.models);
  const auto limit = [&] {
    for (std::size_t m = 0; m < problem.models; ++m) most[m] = result.bound * problem.demand[m];
    columns.limit(most);
  };
  columns.require(rows);
  limit();
  add_known(problem, classes, known, columns);

  double limited = result.bound;  // the rates are limited to what this throughput needs
  std::optional<Prices> centre;
  double centre_bound = 0.0;
  for (int round = 0; round < max_rounds && !clock.over(); ++round) {
    columns.solve();
    const Prices now{columns.price(), columns.cover()};
    bool added = false, ended = false;
    // Prices half-way to the best ones so far swing less; where they lead to no new column, the program's own decide.
    struct Attempt {
      double inertia;
      std::size_t nodes;
    };
    for (const auto& [inertia, nodes] : {Attempt{kInertia, kNodes}, Attempt{0.0, kNodes}, Attempt{0.0, kAllNodes}}) {
      if (!centre && inertia > 0.0) continue;
      const Prices asked = centre ? between(*centre, now, inertia) : now;
      double worth = 0.0, size = 0.0;
      for (std::size_t k = 0; k < classes.size(); ++k) {
        if (clock.over()) {  // a round that is cut short bounds nothing
          result.columns = columns.columns();
          return result;
        }
        DeviceUse use = pricers[k].best({asked.price, cover_of(problem, rows, asked.cover, k), most}, nodes);
        worth += use.bound * static_cast<double>(classes[k].devices.size());
        added = columns.add({k, std::move(use.hosted), 0.0}) || added;
      }
      size = worth;
      for (std::size_t r = 0; r < rows.size(); ++r) {
        worth -= asked.cover[r] * rows[r].at_least;
        size += std::abs(asked.cover[r] * rows[r].at_least);
      }
      const double found = std::max(beaten, worth + 1e-11 * size);
      if (!centre || found < centre_bound) {
        centre = asked;
        centre_bound = found;
      }
      result.bound = std::min(result.bound, found);
      if (added) break;
    }
    if (result.bound <= beaten) break;
    ended = !added || result.bound <= columns.objective() * (1.0 + kClosed);
    if (!ended) {
      if (result.bound < limited * (1.0 - kTighter)) {
        limited = result.bound;
        limit();
      }
      continue;
    }
    if (std::vector<HostingRow> more = broken_rows(problem, classes, columns.columns(), beaten); !more.empty()) {
      std::ranges::move(more, std::back_inserter(rows));
      columns.require(rows);
      continue;
    }
    if (result.bound > limited * (1.0 - kTighter)) break;
    limited = result.bound;
    limit();
    centre.reset();
  }
  result.columns = columns.columns();
  return result;
}

Relaxation least_cost(const Problem& problem, double rate, const std::vector<double>& cost, const Scored& starting,
                      int max_rounds, const Clock& clock) {
  Relaxation result{0.0, classes_of(problem), {}, 0.0};
  const std::vector<DeviceClass>& classes = result.classes;
  std::vector<DevicePricer> pricers;
  Goal goal{rate, {}};
  for (const DeviceClass& alike : classes) {
    pricers.emplace_back(problem, alike.devices[0]);
    goal.cost.push_back(cost[alike.devices[0]]);
  }
  Columns columns(problem, classes, goal);
  const std::vector<HostingRow> rows = least_copies(problem, classes.size(), rate);
  std::vector<double> most(problem.models);
  for (std::size_t m = 0; m < problem.models; ++m) most[m] = rate * problem.demand[m];
  columns.require(rows);
  columns.limit(most);
  for (std::size_t k = 0; k < classes.size(); ++k)
    for (const std::size_t device : classes[k].devices) columns.add(column_of(problem, starting, k, device));
  for (int round = 0; round < max_rounds && !clock.over(); ++round) {
    columns.solve();
    // Any prices bound the cost: what is asked for is worth this much, less what devices would earn beyond their cost.
    double worth = 0.0, size = 0.0;
    for (std::size_t m = 0; m < problem.models; ++m) worth += columns.price()[m] * most[m];
    for (std::size_t r = 0; r < rows.size(); ++r) worth += columns.cover()[r] * rows[r].at_least;
    size = worth;
    bool added = false;
    for (std::size_t k = 0; k < classes.size(); ++k) {
      if (clock.over()) {
        result.columns = columns.columns();
        return result;
      }
      DeviceUse use = pricers[k].best({columns.price(), cover_of(problem, rows, columns.cover(), k), most}, kNodes);
      const double beyond = std::max(0.0, use.bound - goal.cost[k]) * static_cast<double>(classes[k].devices.size());
      worth -= beyond;
      size += beyond;
      added = columns.add({k, std::move(use.hosted), 0.0}) || added;
    }
    result.bound = std::max(result.bound, worth - 1e-11 * size);
    if (!added || result.bound >= columns.objective() * (1.0 - kClosed)) break;
  }
  result.columns = columns.columns();
  return result;
}

double upper_bound(const Problem& problem) {
  const std::vector<double> best = best_rates(problem);
  // n devices with the same rates are one device n times as fast: what counts is the sum of their shares.
  std::map<std::vector<double>, double> alike;
  for (std::size_t device = 0; device < problem.devices; ++device) {
    const auto first = best.begin() + static_cast<std::ptrdiff_t>(problem.cell(device, 0));
    alike[{first, first + static_cast<std::ptrdiff_t>(problem.models)}] += 1.0;
  }
  std::vector<double> rate;
  for (const auto& [row, devices] : alike)
    for (const double value : row) rate.push_back(value * devices);
  return best_shares(rate, problem.demand).bound();
}

}  // namespace quorate
