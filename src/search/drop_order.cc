#include "search/drop_order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace quorate {
namespace {

template <class Act>
void for_each_wrong(const DropOrder::Model& model, const Act& act) {
  for (std::size_t word = 0; word < model.wrong.size(); ++word)
    for (std::uint64_t bits = model.wrong[word]; bits != 0; bits &= bits - 1)
      act(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
}

}  // namespace

void DropOrder::add(Model model) {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (!std::isfinite(model.loss)) model.loss = std::numeric_limits<double>::infinity();
  Weighed weighed{std::move(model), added_++, std::vector<double>(cost_keys_.size(), kUnknown)};
  for (const auto& [key, value] : weighed.model.cost) {
    const std::size_t index = cost_keys_.try_emplace(key, cost_keys_.size()).first->second;
    if (index == weighed.cost.size()) weighed.cost.push_back(kUnknown);
    weighed.cost[index] = value;
  }
  wrong_models_.resize(std::max(wrong_models_.size(), weighed.model.wrong.size() * 64));
  for_each_wrong(weighed.model, [&](std::size_t s) { ++wrong_models_[s]; });
  const auto place =
      std::ranges::upper_bound(models_, weighed.model.loss, {}, [](const Weighed& other) { return other.model.loss; });
  models_.insert(place, std::move(weighed));
}

void DropOrder::remove(const std::string& name) {
  const auto found = std::ranges::find_if(models_, [&](const Weighed& weighed) { return weighed.model.name == name; });
  for_each_wrong(found->model, [&](std::size_t s) { --wrong_models_[s]; });
  models_.erase(found);
}

// In samples, summed over the other models: an integer, and of as many models and samples for each, so that it compares as
// the mean share does.
std::int64_t DropOrder::overlap(const Model& model) const {
  std::int64_t sum = 0;
  for_each_wrong(model, [&](std::size_t s) { sum += wrong_models_[s] - 1; });
  return sum;
}

std::optional<std::string> DropOrder::first() const {
  if (models_.size() < 2) return std::nullopt;
  std::vector<std::optional<std::int64_t>> overlaps(models_.size());
  const auto overlap_of = [&](std::size_t m) {
    if (!overlaps[m]) overlaps[m] = overlap(models_[m].model);
    return *overlaps[m];
  };
  const auto dominates = [&](std::size_t a, std::size_t b) {
    const Weighed &one = models_[a], &other = models_[b];
    if (one.model.loss > other.model.loss) return false;
    bool better = one.model.loss < other.model.loss;
    // A cost that is not known, a NaN, is neither above nor below.
    for (std::size_t c = 0; c < std::min(one.cost.size(), other.cost.size()); ++c) {
      if (one.cost[c] > other.cost[c]) return false;
      better |= one.cost[c] < other.cost[c];
    }
    if (!one.model.wrong.empty() && !other.model.wrong.empty()) {
      if (overlap_of(a) > overlap_of(b)) return false;
      better |= overlap_of(a) < overlap_of(b);
    }
    return better || one.age < other.age;
  };
  for (std::size_t m = models_.size() - 1; m > 0; --m)
    for (std::size_t other = 0; other < models_.size() && models_[other].model.loss <= models_[m].model.loss; ++other)
      if (other != m && dominates(other, m)) return models_[m].model.name;
  return models_.back().model.name;
}

}  // namespace quorate
