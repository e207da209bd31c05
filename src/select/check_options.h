// What select() asks of its arguments.
#pragma once

#include <span>

#include "quorate/select/select.h"

namespace quorate {

// Throws std::invalid_argument as select() does.
void check_options(const Predictions& predictions, std::span<const Cost> costs, const SelectOptions& options);

// An entry for each model, finite and not negative; else std::invalid_argument.
void check_cost(const Cost& cost, std::size_t models);

// The mean squared error of answering the weighted mean of the targets: what the first pick of a regression improves on.
double loss_of_mean_target(const Predictions& predictions, std::span<const double> sample_weight);

}  // namespace quorate
