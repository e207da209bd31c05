#include "select/swap.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

namespace quorate {
namespace {

using front_internal::nowhere_more;

// Whether the front has no point that is as cheap and may be as good as `at_most`.
bool is_new(const std::vector<FoundEnsemble>& front, double at_most, const std::vector<double>& costs) {
  return std::none_of(front.begin(), front.end(), [&](const FoundEnsemble& point) {
    return point.loss - point.error <= at_most + rounding_of(at_most) && nowhere_more(point.costs, costs);
  });
}

// Looks at what one pick more makes of `counts`; what is better than all in the front joins it. `exact`: however little.
void look(Walker& walker, std::vector<FoundEnsemble>& front, const Counts& counts, int picks, bool exact,
          const std::string& by) {
  for (Walker::Candidate& candidate : walker.candidates_after(counts, {.caps = walker.budgets()})) {
    if (exact && is_new(front, candidate.loss - candidate.error, candidate.costs)) walker.make_exact(counts, candidate);
    if (!is_new(front, candidate.loss + candidate.error, candidate.costs)) continue;
    FoundEnsemble found{.counts = counts,
                        .picks = picks + 1,
                        .loss = candidate.loss,
                        .error = candidate.error,
                        .costs = std::move(candidate.costs),
                        .by = by};
    ++found.counts[static_cast<std::size_t>(candidate.model)];
    std::erase_if(front, [&](const FoundEnsemble& point) {
      return found.loss + found.error <= point.loss - point.error && nowhere_more(found.costs, point.costs);
    });
    front.push_back(std::move(found));
  }
}

// The sets of picks whose candidates are a point's neighbours: all of it, and without each member once.
std::vector<Counts> around(const FoundEnsemble& point, const SelectOptions& options) {
  std::vector<Counts> result;
  if (point.picks < options.max_size) result.push_back(point.counts);
  for (std::size_t m = 0; m < point.counts.size() && point.picks > 1; ++m) {
    if (point.counts[m] == 0) continue;
    result.push_back(point.counts);
    --result.back()[m];
  }
  return result;
}

// One pick fewer: among its candidates is `counts` itself, which is how taking a pick away is looked at.
Counts one_fewer(Counts counts) {
  --*std::find_if(counts.rbegin(), counts.rend(), [](int count) { return count > 0; });
  return counts;
}

int size_of(const Counts& counts) {
  int size = 0;
  for (const int count : counts) size += count;
  return size;
}

}  // namespace

std::vector<FoundEnsemble> non_dominated(std::vector<FoundEnsemble> found) {
  std::stable_sort(found.begin(), found.end(), [](const FoundEnsemble& a, const FoundEnsemble& b) {
    return a.costs.front() != b.costs.front() ? a.costs.front() < b.costs.front()
           : a.loss != b.loss                 ? a.loss < b.loss
                                              : a.costs < b.costs;
  });
  std::vector<FoundEnsemble> front;
  for (FoundEnsemble& point : found) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](const FoundEnsemble& other) {
      const double at_least = point.loss - point.error;
      return other.loss + other.error <= at_least + rounding_of(at_least) && nowhere_more(other.costs, point.costs);
    });
    if (!dominated) front.push_back(std::move(point));
  }
  return front;
}

std::vector<FoundEnsemble> improve(Walker& walker, std::vector<FoundEnsemble> front, std::int64_t most_scored) {
  std::set<Counts> looked;
  const std::int64_t last = walker.scored() + most_scored;
  for (bool any = true; any && walker.scored() < last;) {
    any = false;
    front = non_dominated(std::move(front));
    std::vector<std::vector<Counts>> of_points;
    std::size_t longest = 0;
    for (const FoundEnsemble& point : front) {
      of_points.push_back(around(point, walker.options()));
      longest = std::max(longest, of_points.back().size());
    }
    for (const bool fewer : {false, true})
      for (std::size_t turn = 0; turn < longest; ++turn)
        for (const std::vector<Counts>& around_one : of_points) {
          if (turn >= around_one.size() || walker.scored() >= last) continue;
          if (fewer && size_of(around_one[turn]) == 1) continue;
          const Counts base = fewer ? one_fewer(around_one[turn]) : around_one[turn];
          if (!looked.insert(base).second) continue;
          look(walker, front, base, size_of(base), false, "swap");
          any = true;
        }
  }
  return non_dominated(std::move(front));
}

std::vector<FoundEnsemble> exhaust(Walker& walker, std::vector<FoundEnsemble> front) {
  Counts counts(walker.models(), 0);
  const std::function<void(std::size_t, int)> extend = [&](std::size_t from, int picks) {
    look(walker, front, counts, picks, true, "exhaustive");
    if (picks + 1 == walker.options().max_size) return;
    for (std::size_t m = from; m < counts.size(); ++m) {
      ++counts[m];
      extend(walker.options().with_replacement ? m : m + 1, picks + 1);
      --counts[m];
    }
  };
  extend(0, 0);
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

}  // namespace quorate
