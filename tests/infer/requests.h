// Requests and cascades for tests in which only numbers of samples matter.
#pragma once

#include <memory>
#include <vector>

#include "infer/request.h"
#include "quorate/route/cascade.h"

namespace quorate::test {

// Requests of samples with one feature, all of them 0.
inline std::shared_ptr<Request> request_of(std::size_t samples) {
  static const std::vector<float> zeros(4096, 0.0f);
  const auto request = std::make_shared<Request>();
  request->input = zeros.data();
  request->samples = samples;
  request->features = {1};
  request->row = 1;
  return request;
}

inline Cascade of_one_tier(std::vector<int> members) {
  const std::vector<double> weights(members.size(), 1.0 / static_cast<double>(members.size()));
  Cascade cascade;
  cascade.tiers = {Tier{std::move(members), weights}};
  return cascade;
}

}  // namespace quorate::test
