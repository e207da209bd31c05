#include "plan/hosting_rows.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace quorate {
namespace {

constexpr double kBroken = 0.003;    // relative
constexpr int kMostOfOne = 4;        // what the device that a divisor is made from counts at most
constexpr double kRounding = 1e-12;  // of a quotient

double needed(const Problem& problem, std::size_t m, double throughput) {
  return throughput * problem.demand[m] * (1.0 - 1e-9);
}

// One model: its rates, by class and batch, up to what is needed, and how often the columns host it there.
struct Hosting {
  double needed = 0.0;
  std::vector<double> rate, times;  // [classes, batches]
};

// How many counts the hosting gives where each device counts ceil(rate / divisor), as a part of those needed.
double part_given(const Hosting& hosting, double divisor) {
  double given = 0.0;
  for (std::size_t i = 0; i < hosting.rate.size(); ++i)
    if (hosting.times[i] > 0.0) given += hosting.times[i] * std::ceil(hosting.rate[i] / divisor * (1.0 + kRounding));
  return given / std::ceil(hosting.needed / divisor * (1.0 - kRounding));
}

std::optional<HostingRow> broken_row(std::size_t m, const Hosting& hosting) {
  double least = 1.0 - kBroken, best = 0.0;
  for (const double rate : hosting.rate)
    for (int count = 1; rate > 0.0 && count <= kMostOfOne; ++count) {
      const double divisor = rate / count * (1.0 + 1e-9);  // a little more, so that it counts no more than that
      if (const double part = part_given(hosting, divisor); part < least) {
        least = part;
        best = divisor;
      }
    }
  if (best <= 0.0) return std::nullopt;
  HostingRow row{m, {}, std::ceil(hosting.needed / best * (1.0 - kRounding))};
  for (const double rate : hosting.rate) row.weight.push_back(std::ceil(rate / best * (1.0 + kRounding)));
  return row;
}

}  // namespace

HostingRow row_of(const Problem& problem, const std::vector<DeviceClass>& classes, const HostingLimit& limit) {
  const double sign = limit.at_least ? 1.0 : -1.0;
  HostingRow row{limit.m, {}, sign * limit.copies};
  for (const DeviceClass& alike : classes)
    row.weight.insert(row.weight.end(), problem.batches, limit.kinds[problem.kind[alike.devices[0]]] ? sign : 0.0);
  return row;
}

std::vector<HostingRow> least_copies(const Problem& problem, std::size_t classes, double throughput) {
  std::vector<HostingRow> rows;
  for (std::size_t m = 0; m < problem.models; ++m) {
    std::vector<double> rates;
    for (std::size_t device = 0; device < problem.devices; ++device) {
      double best = 0.0;
      for (std::size_t batch = 0; batch < problem.batches; ++batch)
        best = std::max(best, problem.rate[problem.option(device, m, batch)]);
      rates.push_back(best);
    }
    std::ranges::sort(rates, std::greater<>());
    const double least = needed(problem, m, throughput);
    std::size_t count = 1;
    for (double sum = rates[0]; sum < least && count <= rates.size(); ++count)
      sum += count < rates.size() ? rates[count] : 0.0;
    rows.push_back({m, std::vector<double>(classes * problem.batches, 1.0), static_cast<double>(count)});
  }
  return rows;
}

std::vector<HostingRow> broken_rows(const Problem& problem, const std::vector<DeviceClass>& classes,
                                    const std::vector<Column>& columns, double throughput) {
  std::vector<Hosting> hosting(problem.models);
  for (std::size_t m = 0; m < problem.models; ++m) {
    hosting[m].needed = needed(problem, m, throughput);
    hosting[m].times.assign(classes.size() * problem.batches, 0.0);
    for (const DeviceClass& alike : classes)
      for (std::size_t batch = 0; batch < problem.batches; ++batch)
        hosting[m].rate.push_back(std::min(problem.rate[problem.option(alike.devices[0], m, batch)], hosting[m].needed));
  }
  for (const Column& column : columns)
    for (const Hosted& hosted : column.hosted)
      hosting[hosted.m].times[column.of_class * problem.batches + hosted.batch] += column.times;
  std::vector<HostingRow> rows;
  for (std::size_t m = 0; m < problem.models; ++m)
    if (std::optional<HostingRow> row = broken_row(m, hosting[m])) rows.push_back(std::move(*row));
  return rows;
}

}  // namespace quorate
