#include "select/swap.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace quorate {
namespace {

bool nowhere_dearer(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](double of_a, double of_b) { return of_a <= of_b; });
}

// Whether the front has no point that is as cheap and, beyond rounding, as good.
bool is_new(const std::vector<Found>& front, double loss, const std::vector<double>& costs) {
  return std::none_of(front.begin(), front.end(), [&](const Found& point) {
    return point.loss <= loss + rounding_of(loss) && nowhere_dearer(point.costs, costs);
  });
}

class Neighbourhood {
 public:
  Neighbourhood(Walker& walker, std::vector<Found>& front, std::string by)
      : walker_(walker), front_(front), by_(std::move(by)), rule_{.caps = walker.budgets()} {}

  // Looks at all neighbours of the point; those that none dominates join the front.
  void look(const Found& point) {
    if (point.picks < walker_.options().max_size) add_one(point.counts, point.picks);
    for (std::size_t m = 0; m < point.counts.size(); ++m) {
      if (point.counts[m] == 0 || point.picks == 1) continue;
      Counts fewer = point.counts;
      --fewer[m];
      take_away(fewer, point.picks - 1);
      add_one(fewer, point.picks - 1);
    }
  }

  // Looks at what one pick more makes of `counts`.
  void add_one(const Counts& counts, int picks) {
    if (!looked_.insert(counts).second) return;
    for (Walker::Candidate& candidate : walker_.candidates_after(counts, rule_)) {
      if (!is_new(front_, candidate.loss - candidate.error, candidate.costs)) continue;
      walker_.make_exact(counts, candidate);
      if (!is_new(front_, candidate.loss, candidate.costs)) continue;
      Counts more = counts;
      ++more[static_cast<std::size_t>(candidate.model)];
      join({std::move(more), picks + 1, candidate.loss, candidate.costs, by_});
    }
  }

 private:
  void take_away(const Counts& counts, int picks) {
    const std::vector<double> costs = walker_.costs_of(counts);
    Counts base = counts;
    const auto last = std::find_if(base.rbegin(), base.rend(), [](int count) { return count > 0; });
    --*last;
    const int model = static_cast<int>(base.rend() - last) - 1;
    std::vector<Walker::Candidate> whole = walker_.candidates_after(base, {.caps = rule_.caps, .among = {model}});
    if (whole.empty() || !is_new(front_, whole[0].loss - whole[0].error, costs)) return;
    walker_.make_exact(base, whole[0]);
    if (is_new(front_, whole[0].loss, costs)) join({counts, picks, whole[0].loss, costs, by_});
  }

  void join(Found found) {
    std::erase_if(front_,
                  [&](const Found& point) { return found.loss <= point.loss && nowhere_dearer(found.costs, point.costs); });
    front_.push_back(std::move(found));
  }

  Walker& walker_;
  std::vector<Found>& front_;
  std::string by_;
  WalkRule rule_;
  std::set<Counts> looked_;  // so many picks and one more were looked at: what is new there has joined
};

}  // namespace

std::vector<Found> non_dominated(std::vector<Found> found) {
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.costs.front() != b.costs.front() ? a.costs.front() < b.costs.front()
           : a.loss != b.loss                 ? a.loss < b.loss
                                              : a.costs < b.costs;
  });
  std::vector<Found> front;
  for (Found& point : found)
    if (is_new(front, point.loss, point.costs)) front.push_back(std::move(point));
  return front;
}

std::vector<Found> exhaust(Walker& walker, std::vector<Found> front) {
  Neighbourhood neighbourhood(walker, front, "exhaustive");
  Counts counts(walker.models(), 0);
  const std::function<void(std::size_t, int)> look = [&](std::size_t from, int picks) {
    neighbourhood.add_one(counts, picks);
    if (picks + 1 == walker.options().max_size) return;
    for (std::size_t m = from; m < counts.size(); ++m) {
      ++counts[m];
      look(walker.options().with_replacement ? m : m + 1, picks + 1);
      --counts[m];
    }
  };
  look(0, 0);
  return non_dominated(std::move(front));
}

std::int64_t partial_ensembles(std::size_t models, const SelectOptions& options, std::int64_t most) {
  // Of k picks there are C(models + k - 1, k), each at most once C(models, k).
  double all = 0.0, of_size = 1.0;
  const auto n = static_cast<double>(models);
  for (int k = 0; k < options.max_size && all < static_cast<double>(most); ++k) {
    all += of_size;
    of_size *= std::max(0.0, options.with_replacement ? n + k : n - k) / (k + 1);
  }
  return std::min<std::int64_t>(most, std::llround(all));
}

std::vector<Found> improve(Walker& walker, std::vector<Found> front, int rounds) {
  std::set<Counts> expanded;
  Neighbourhood neighbourhood(walker, front, "swap");
  for (int round = 0; round < rounds; ++round) {
    front = non_dominated(std::move(front));
    std::vector<Found> points;
    for (const Found& point : front)
      if (expanded.insert(point.counts).second) points.push_back(point);
    if (points.empty()) break;
    for (const Found& point : points) neighbourhood.look(point);
  }
  return non_dominated(std::move(front));
}

}  // namespace quorate
