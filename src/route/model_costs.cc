#include "quorate/route/model_costs.h"

#include <cmath>

#include "core/message.h"

namespace quorate {

ModelCosts::ModelCosts(std::span<const double> of_model)
    : mean_(std::make_shared<const std::vector<double>>(of_model.begin(), of_model.end())) {}

ModelCosts ModelCosts::of_samples(MatrixView<const double> cost) {
  require(cost.cols >= 1, "cost has shape [", cost.rows, ", 0], but must have at least 1 sample");
  std::vector<double> mean;
  for (std::size_t m = 0; m < cost.rows; ++m) {
    double sum = 0.0;
    for (const double one : cost[m]) sum += one;
    mean.push_back(sum / static_cast<double>(cost.cols));
  }
  ModelCosts result((std::span<const double>(mean)));
  result.each_ = std::make_shared<const std::vector<double>>(cost.data, cost.data + cost.rows * cost.cols);
  result.samples_ = cost.cols;
  return result;
}

void check(const ModelCosts& cost, std::size_t models, std::size_t samples, const char* name) {
  const auto usable = [](double one) { return std::isfinite(one) && one >= 0.0; };
  if (!cost.per_sample()) {
    require(cost.models() == models, name, " has ", cost.models(), " entries, but there are ", models, " models");
    for (std::size_t m = 0; m < models; ++m)
      require(usable(cost.mean(m)), name, "[", m, "] is ", cost.mean(m), ", but must be finite and at least 0");
    return;
  }
  require(cost.models() == models && cost.samples() == samples, name, " has shape [", cost.models(), ", ", cost.samples(),
          "], but there are ", models, " models and ", samples, " samples");
  for (std::size_t m = 0; m < models; ++m)
    for (std::size_t sample = 0; sample < samples; ++sample)
      require(usable(cost.at(m, sample)), name, "[", m, ", ", sample, "] is ", cost.at(m, sample),
              ", but must be finite and at least 0");
}

}  // namespace quorate
