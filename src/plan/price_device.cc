#include "plan/price_device.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "plan/price_part.h"

namespace quorate {
namespace {

constexpr std::size_t kLevels = 8;
constexpr std::size_t kDivision = 100;  // nodes that the bounds of two new parts cost about as much as
constexpr double kRounding = 1e-12;     // of sums of a few hundred terms

double least_resident(const DeviceItem& item) {
  return std::ranges::min(item.options, {}, &DeviceOption::resident).resident;
}

}  // namespace

std::vector<DeviceOption> options_of(const Problem& problem, std::size_t device, std::size_t m) {
  std::vector<DeviceOption> all, kept;
  for (std::size_t batch = 0; batch < problem.batches; ++batch) {
    const std::size_t option = problem.option(device, m, batch);
    if (problem.rate[option] <= 0.0) continue;
    all.push_back({batch, problem.rate[option], static_cast<double>(problem.resident_bytes[option]),
                   static_cast<double>(problem.workspace_bytes[option])});
  }
  // By falling rate: what comes later must need less of something.
  std::ranges::stable_sort(all, std::greater<>(), &DeviceOption::rate);
  for (const DeviceOption& option : all)
    if (std::ranges::none_of(kept, [&](const DeviceOption& other) {
          return other.resident <= option.resident && other.workspace <= option.workspace;
        }))
      kept.push_back(option);
  return kept;
}

DevicePricer::DevicePricer(const Problem& problem, std::size_t device)
    : capacity_(static_cast<double>(problem.capacity_bytes[device])), batches_(problem.batches) {
  for (std::size_t m = 0; m < problem.models; ++m) {
    DeviceItem item{m, problem.pinned[problem.cell(device, m)], options_of(problem, device, m)};
    for (const DeviceOption& option : item.options) levels_.push_back(option.workspace);
    if (!item.options.empty()) items_.push_back(std::move(item));
  }
  std::ranges::stable_sort(items_, std::greater<>(), least_resident);
  std::ranges::sort(levels_);
  levels_.erase(std::unique(levels_.begin(), levels_.end()), levels_.end());
  if (levels_.size() > kLevels) {
    std::vector<double> few;
    for (std::size_t i = 1; i <= kLevels; ++i) few.push_back(levels_[i * levels_.size() / kLevels - 1]);
    levels_ = std::move(few);
  }
}

DeviceUse DevicePricer::best(const DevicePrices& asked, std::size_t max_nodes, std::size_t part_nodes) const {
  if (items_.empty()) return {};
  PartSearch search(capacity_, items_, batches_, asked);
  const auto is_lower = [](const PricePart& a, const PricePart& b) { return a.bound < b.bound; };
  std::vector<PricePart> open;  // a heap
  const auto consider = [&](PricePart part) {
    search.bound(part);
    if (part.bound <= search.enough()) return;
    open.push_back(std::move(part));
    std::ranges::push_heap(open, is_lower);
  };
  for (std::size_t i = 0; i < levels_.size(); ++i)
    if (const double low = i == 0 ? 0.0 : levels_[i - 1]; low <= capacity_) consider({.low = low, .high = levels_[i]});
  double left = 0.0;  // the bound of what stays unexplored
  std::size_t nodes = max_nodes;
  while (!open.empty()) {
    std::ranges::pop_heap(open, is_lower);
    PricePart part = std::move(open.back());
    open.pop_back();
    if (part.bound <= search.enough()) break;
    if (nodes == 0) {
      left = std::max(left, part.bound);
      break;
    }
    const bool whole = part.decided == items_.size();
    std::size_t given = whole ? nodes : std::min(nodes, part_nodes);
    nodes -= given;
    const double unexplored = search.explore(part, given);
    nodes += given;
    if (unexplored <= search.enough()) continue;
    if (whole) {
      left = std::max(left, unexplored);
      continue;
    }
    nodes -= std::min(nodes, kDivision);
    part.bound = std::min(part.bound, unexplored);
    PricePart with = part, without = std::move(part);
    const std::size_t next = with.decided;
    with.in.push_back(next);
    with.decided = without.decided = next + 1;
    consider(std::move(with));
    if (!items_[next].pinned) consider(std::move(without));
  }
  DeviceUse use{search.value(), std::max(search.enough(), left), search.hosted()};
  use.bound += kRounding * (std::abs(use.bound) + search.scale());
  return use;
}

}  // namespace quorate
