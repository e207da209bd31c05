// What predictions must be before anything reads them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quorate/library/predictions.h"

namespace quorate {

// `names`, or "0", "1", ... where it is empty. Throws std::invalid_argument unless there is one for each model, none twice.
std::vector<std::string> names_or_numbers(std::vector<std::string> names, std::size_t models);

// Throws std::invalid_argument naming the first label outside [0, classes).
void check_labels(const std::vector<std::int32_t>& labels, std::int64_t classes);

// Read everything once, on all cores where it is much, and throw std::invalid_argument naming the model, the sample and the
// value that is wrong first: where rows [samples, classes] are not distributions, and where values [samples, outputs] are
// not finite.
void check_distributions(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t classes,
                         const std::vector<std::string>& names);
void check_finite(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t outputs,
                  const std::vector<std::string>& names);

}  // namespace quorate
