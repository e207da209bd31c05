#include "quorate/route/router.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "route/trace.h"

namespace quorate {
namespace {

double sigmoid_of(std::span<const double> weights, std::span<const double> x) {
  double sum = weights.back();
  for (std::size_t j = 0; j < x.size(); ++j) sum += weights[j] * x[j];
  return 1.0 / (1.0 + std::exp(-sum));
}

void check_weights(const std::vector<double>& weights, std::size_t size, std::size_t entry, const char* name) {
  require(weights.size() == size, "entries[", entry, "].", name, " has ", weights.size(), " weights, but must have ", size,
          ", as the first");
  for (std::size_t j = 0; j < size; ++j)
    require(std::isfinite(weights[j]), "entries[", entry, "].", name, "[", j, "] is ", weights[j], ", but must be finite");
}

}  // namespace

int Router::entry(std::span<const double> x) const {
  require(x.size() == features(), "features has ", x.size(), " columns, but must have ", features(),
          ", as the router was fitted with");
  for (std::size_t j = 0; j < x.size(); ++j)
    if (!std::isfinite(x[j])) require(false, "features[", j, "] is ", x[j], ", but must be finite");
  if (always >= 0) return always;
  int best = 0;
  double highest = 0.0;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const RouterEntry& one = entries[k];
    const double spread = one.most_cost - one.least_cost;
    const double cost_here = one.least_cost + (spread > 0.0 ? spread * sigmoid_of(one.go_on, x) : 0.0);
    const double value = sigmoid_of(one.quality, x) - trade_off * cost_here;
    if (k > 0 && !(value > highest)) continue;
    best = static_cast<int>(k);
    highest = value;
  }
  return best;
}

void Router::entry(MatrixView<const double> x, std::span<std::int32_t> out) const {
  require(x.cols == features(), "features has ", x.cols, " columns, but must have ", features(),
          ", as the router was fitted with");
  require(out.size() == x.rows, "out has ", out.size(), " values, but must have ", x.rows, ", one for each sample");
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t j = 0; j < x.cols; ++j)
      if (!std::isfinite(x(row, j))) require(false, "features[", row, ", ", j, "] is ", x(row, j), ", but must be finite");
    out[row] = entry(x[row]);
  }
}

void check(const Router& router) {
  require(!router.entries.empty(), "entries is empty, but must hold one for each tier");
  const std::size_t size = router.entries.front().quality.size();
  require(size >= 1, "entries[0].quality is empty, but must hold at least the intercept");
  for (std::size_t k = 0; k < router.entries.size(); ++k) {
    const RouterEntry& one = router.entries[k];
    check_weights(one.quality, size, k, "quality");
    check_weights(one.go_on, size, k, "go_on");
    require(std::isfinite(one.least_cost) && one.least_cost >= 0.0, "entries[", k, "].least_cost is ", one.least_cost,
            ", but must be finite and at least 0");
    require(std::isfinite(one.most_cost) && one.most_cost >= one.least_cost, "entries[", k, "].most_cost is ", one.most_cost,
            ", but must be finite and at least least_cost, ", one.least_cost);
  }
  require(std::isfinite(router.trade_off) && router.trade_off >= 0.0, "trade_off is ", router.trade_off,
          ", but must be finite and at least 0");
  const int tiers = static_cast<int>(router.entries.size());
  require(router.always >= -1 && router.always < tiers, "always is ", router.always, ", but must be from -1 to ", tiers - 1);
}

std::vector<double> answer_features(const Predictions& predictions, int model, bool classes) {
  check_classes(predictions);
  const int models = static_cast<int>(predictions.models());
  require(model >= 0 && model < models, "model is ", model, ", but must be from 0 to ", models - 1);
  const std::size_t count = predictions.classes();
  std::vector<float> scores(count);
  std::vector<double> result;
  for (std::size_t sample = 0; sample < predictions.samples(); ++sample) {
    predictions.read(static_cast<std::size_t>(model), sample, 1, scores.data());
    const auto best = static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    double second = 0.0;
    double entropy = 0.0;
    for (std::size_t c = 0; c < count; ++c) {
      const auto p = static_cast<double>(scores[c]);
      if (c != best) second = std::max(second, p);
      if (p > 0.0) entropy -= p * std::log(p);
    }
    const auto highest = static_cast<double>(scores[best]);
    result.insert(result.end(), {highest, highest - second, entropy});
    if (!classes) continue;
    result.insert(result.end(), count, 0.0);
    result[result.size() - count + best] = 1.0;
  }
  return result;
}

}  // namespace quorate
