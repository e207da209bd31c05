#include "select/prune.h"

#include <algorithm>
#include <limits>

namespace quorate {
namespace {

// Those whose least budget is in [from, below), if no model costs so much alone.
void add_sets(std::span<const int> best_first, const Cost& cost, double from, double below,
              std::vector<std::vector<int>>& sets) {
  std::vector<int> allowed;
  std::vector<double> together;  // what the first of them cost, up to each
  for (const int model : best_first) {
    const double alone = cost.of_model[static_cast<std::size_t>(model)], before = together.empty() ? 0.0 : together.back();
    if (alone > from) continue;
    allowed.push_back(model);
    together.push_back(cost.parallel ? std::max(before, alone) : before + alone);
  }
  // Each as long as its budget lets it be: models that cost nothing more are in.
  const auto within = [&](double budget) { return std::upper_bound(together.begin(), together.end(), budget); };
  for (auto end = within(from);; end = within(*end)) {
    std::vector<int> set(allowed.begin(), allowed.begin() + (end - together.begin()));
    std::sort(set.begin(), set.end());
    if (set.size() > 1 && std::find(sets.begin(), sets.end(), set) == sets.end()) sets.push_back(std::move(set));
    if (end == together.end() || *end >= below) return;
  }
}

}  // namespace

std::vector<std::vector<int>> pruned_sets(std::span<const int> best_first, const Cost& cost) {
  std::vector<double> alone;  // budgets at which a model is no longer too dear alone
  for (const int model : best_first) alone.push_back(cost.of_model[static_cast<std::size_t>(model)]);
  std::sort(alone.begin(), alone.end());
  alone.erase(std::unique(alone.begin(), alone.end()), alone.end());
  std::vector<std::vector<int>> sets;
  for (std::size_t k = 0; k < alone.size(); ++k)
    add_sets(best_first, cost, alone[k], k + 1 < alone.size() ? alone[k + 1] : std::numeric_limits<double>::infinity(),
             sets);
  return sets;
}

}  // namespace quorate
