// Random small libraries for comparing with the oracle: ties, equal models, zero costs and zero probabilities are frequent.
#pragma once

#include <memory>

#include "oracle/select.h"
#include "quorate/core/random.h"
#include "quorate/library/predictions.h"
#include "quorate/select/select.h"

namespace quorate {

inline oracle::Case random_case(Random& random, std::size_t most_models, std::size_t most_samples,
                                std::size_t most_classes) {
  oracle::Case data;
  data.models = 1 + random.below(most_models);
  data.samples = 1 + random.below(most_samples);
  data.classes = 1 + random.below(most_classes);
  const bool coarse = random.below(2) == 0;  // eighths, exact in binary: sums of picks tie where they should
  data.probs.resize(data.models * data.samples * data.classes);
  for (std::size_t row = 0; row < data.models * data.samples; ++row) {
    float* p = data.probs.data() + row * data.classes;
    if (coarse) {
      for (int k = 0; k < 8; ++k) p[random.below(data.classes)] += 0.125f;
    } else {
      double sum = 0.0;
      std::vector<double> raw(data.classes);
      for (double& value : raw) sum += value = 1e-3 + random.uniform() * random.uniform();
      for (std::size_t c = 0; c < data.classes; ++c) p[c] = static_cast<float>(raw[c] / sum);
    }
  }
  if (data.models > 1 && random.below(3) == 0) {  // model 0 once more, as the last
    const std::size_t size = data.samples * data.classes;
    std::copy_n(data.probs.begin(), size, data.probs.end() - static_cast<std::ptrdiff_t>(size));
  }
  for (std::size_t i = 0; i < data.samples; ++i) data.labels.push_back(static_cast<int>(random.below(data.classes)));
  for (std::size_t m = 0; m < data.models; ++m) data.cost.push_back(static_cast<double>(random.below(4)));
  return data;
}

inline Predictions predictions_of(const oracle::Case& data) {
  auto probs = std::make_shared<const std::vector<float>>(data.probs);
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < data.models; ++m) models.push_back({probs->data() + m * data.samples * data.classes, probs});
  return Predictions::from_probabilities(std::move(models), data.samples, data.classes,
                                         {data.labels.begin(), data.labels.end()});
}

inline oracle::Options random_options(Random& random) {
  const char* metrics[] = {"log_loss", "accuracy", "brier"};
  return {.metric = metrics[random.below(3)],
          .max_size = 1 + static_cast<int>(random.below(7)),
          .with_replacement = random.below(4) != 0,
          .parallel = random.below(4) == 0,
          .caps = static_cast<int>(random.below(4))};
}

inline SelectOptions as_select_options(const oracle::Options& options, int threads = 1) {
  return {.metric = metric_from_name(options.metric),
          .max_size = options.max_size,
          .with_replacement = options.with_replacement,
          .parallel = options.parallel,
          .caps = options.caps,
          .threads = threads};
}

}  // namespace quorate
