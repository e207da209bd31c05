#include "infer/survivors.h"

#include <algorithm>

namespace quorate {

Tier survivors(const Tier& tier, const std::vector<bool>& present) {
  Tier result = tier;
  result.members.clear();
  result.weights.clear();
  double sum = 0.0;
  for (std::size_t k = 0; k < tier.members.size(); ++k) {
    if (!present[k]) continue;
    result.members.push_back(tier.members[k]);
    result.weights.push_back(tier.weights[k]);
    sum += tier.weights[k];
  }
  if (result.members.size() < tier.members.size())
    for (double& weight : result.weights) weight /= sum;
  return result;
}

std::optional<Cascade> survivors(const Cascade& cascade, const std::vector<std::size_t>& lost) {
  Cascade result = cascade;
  result.tiers.clear();
  result.certificate.reset();
  std::size_t slot = 0;
  for (const Tier& tier : cascade.tiers) {
    std::vector<bool> present(tier.members.size());
    for (std::size_t k = 0; k < present.size(); ++k) present[k] = !std::ranges::binary_search(lost, slot++);
    if (std::ranges::find(present, true) != present.end()) result.tiers.push_back(survivors(tier, present));
  }
  if (result.tiers.empty()) return std::nullopt;
  result.tiers.back().threshold = 0.0;
  return result;
}

}  // namespace quorate
