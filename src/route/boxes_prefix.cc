#include "route/boxes_prefix.h"

#include <utility>

namespace quorate {
namespace {

template <class Value>
std::vector<Value> in_order(const std::vector<std::uint32_t>& order, const std::vector<Value>& values) {
  std::vector<Value> result(order.size());
  for (std::size_t x = 0; x < order.size(); ++x) result[x] = values[order[x]];
  return result;
}

}  // namespace

Prefix::Prefix(PrefixAnswers answers) : answers_(std::move(answers)) {
  std::vector<std::uint8_t> stopping(samples());
  for (std::size_t dim = 0; dim < thresholds(); ++dim)
    for (std::size_t sample = 0; sample < samples(); ++sample)
      stopping[sample] = static_cast<std::uint8_t>(stopping[sample] | tier(dim).wrong[sample] << dim);

  for (std::size_t dim = 0; dim < thresholds(); ++dim) {
    const std::vector<std::uint32_t>& order = tier(dim).order;
    last_.push_back(in_order(order, answers_.last_wrong));
    stopping_.push_back(in_order(order, stopping));
    columns_[dim].last = last_.back().data();
    columns_[dim].stopping = stopping_.back().data();
    std::size_t other = 0;
    for (std::size_t u = 0; u < thresholds(); ++u) {
      if (u == dim) continue;
      ranks_.push_back(in_order(order, tier(u).rank));
      columns_[dim].rank[other++] = ranks_.back().data();
    }
  }
}

}  // namespace quorate
