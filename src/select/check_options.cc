#include "select/check_options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/message.h"
#include "select/scorer.h"

namespace quorate {

void check_cost(const Cost& cost, std::size_t models) {
  require(cost.of_model.size() == models, cost.name, " has ", cost.of_model.size(), " entries, but there are ", models,
          " models");
  for (std::size_t m = 0; m < models; ++m)
    require(std::isfinite(cost.of_model[m]) && cost.of_model[m] >= 0.0, cost.name, "[", m, "] is ", cost.of_model[m],
            ", but must be finite and not negative");
}

namespace {

// Some model has to be within all budgets.
void check_budgets(std::span<const Cost> costs, std::size_t models) {
  const auto within = [&](std::size_t m, const Cost* but) {
    return std::all_of(costs.begin(), costs.end(),
                       [&](const Cost& cost) { return &cost == but || cost.of_model[m] <= cost.budget; });
  };
  for (std::size_t m = 0; m < models; ++m)
    if (within(m, nullptr)) return;
  for (const Cost& cost : costs) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t m = 0; m < models; ++m)
      if (within(m, &cost)) least = std::min(least, cost.of_model[m]);
    require(std::isinf(least), "the budget of ", cost.name, " is ", cost.budget, ", but must be at least ", least,
            ", the cheapest model's", costs.size() > 1 ? " within the other budgets" : "");
  }
  require(false, "no model is within the budgets, whichever one of them is raised");
}

}  // namespace

void check_options(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options) {
  require(!costs.empty(), "costs is empty, but must hold at least one");
  std::set<std::string> names;
  for (const Cost& cost : costs) {
    check_cost(cost, predictions.models());
    require(!std::isnan(cost.budget), "the budget of ", cost.name, " is nan, but must be a number");
    require(names.insert(cost.name).second, "costs holds \"", cost.name, "\" twice");
  }
  check_budgets(costs, predictions.models());
  const auto at_least = [](const char* name, int value, int least, const char* meaning = "") {
    require(value >= least, name, " is ", value, ", but must be at least ", least, meaning);
  };
  at_least("max_size", options.max_size, 1);
  at_least("sorted_start", options.sorted_start, 0);
  at_least("patience", options.patience, 0, " (0: to the end)");
  at_least("bags", options.bags, 0);
  require(options.bag_fraction > 0.0 && options.bag_fraction <= 1.0, "bag_fraction is ", options.bag_fraction,
          ", but must be above 0 and at most 1");
  at_least("caps", options.caps, 0);
  at_least("threads", options.threads, 0, " (0: one for each core)");
  check_suits({predictions, options.metric, options.combine, options.sample_weight, options.threads, options.device});
}

double loss_of_mean_target(const Predictions& predictions, std::span<const double> sample_weight) {
  const std::size_t outputs = predictions.classes();
  const auto targets = predictions.targets();
  const auto weight = [&](std::size_t i) { return sample_weight.empty() ? 1.0 : sample_weight[i]; };
  std::vector<double> mean(outputs, 0.0);
  double weights = 0.0;
  for (std::size_t i = 0; i < predictions.samples(); ++i) {
    weights += weight(i);
    for (std::size_t j = 0; j < outputs; ++j) mean[j] += weight(i) * double{targets[i * outputs + j]};
  }
  for (double& value : mean) value /= weights;
  double sum = 0.0;
  for (std::size_t i = 0; i < predictions.samples(); ++i)
    for (std::size_t j = 0; j < outputs; ++j)
      sum += weight(i) * (double{targets[i * outputs + j]} - mean[j]) * (double{targets[i * outputs + j]} - mean[j]);
  return sum / (weights * static_cast<double>(outputs));
}

}  // namespace quorate
