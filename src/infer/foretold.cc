#include "infer/foretold.h"

#include <algorithm>
#include <numeric>

#include "core/message.h"
#include "infer/survivors.h"
#include "quorate/route/evaluate.h"

namespace quorate {

Foretold::Foretold(const Cascade& cascade, const std::vector<std::string>& names, Predictions held_out)
    : cascade_(cascade), held_out_(std::move(held_out)) {
  require(!held_out_.has_values(), "held_out holds values, but must hold what classes models gave");
  std::size_t first = 0;
  for (Tier& tier : cascade_.tiers) {
    // The predictions may have the models in another order, and a tier's members ascend.
    std::vector<int> members;
    for (const int member : tier.members) {
      const std::string& name = names[static_cast<std::size_t>(member)];
      const auto found = std::ranges::find(held_out_.names(), name);
      require(found != held_out_.names().end(), "held_out has no model \"", name, "\", but the cascade asks it");
      members.push_back(static_cast<int>(found - held_out_.names().begin()));
    }
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t k) { return members[k]; });
    const std::vector<double> weights = tier.weights;
    for (std::size_t k = 0; k < order.size(); ++k) {
      tier.members[k] = members[order[k]];
      tier.weights[k] = weights[order[k]];
      order_.push_back(first + order[k]);
    }
    first += order.size();
  }
}

std::optional<double> Foretold::accuracy(const std::vector<std::size_t>& lost) {
  const std::lock_guard lock(mutex_);
  if (const auto known = known_.find(lost); known != known_.end()) return known->second;
  std::vector<std::size_t> here;
  for (std::size_t slot = 0; slot < order_.size(); ++slot)
    if (std::ranges::binary_search(lost, order_[slot])) here.push_back(slot);
  const std::optional<Cascade> left = survivors(cascade_, here);
  std::optional<double> result;
  if (left) result = evaluate(*left, held_out_, std::vector<double>(held_out_.models(), 1.0), 1).accuracy;
  return known_.emplace(lost, result).first->second;
}

}  // namespace quorate
