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

// Random libraries whose losses are far from ties: probabilities of unlike models, unlike costs.
inline oracle::Case realistic_case(Random& random, std::size_t models, std::size_t samples, std::size_t classes) {
  oracle::Case data{.models = models, .samples = samples, .classes = classes, .probs = {}, .labels = {}, .cost = {}};
  for (std::size_t i = 0; i < samples; ++i) data.labels.push_back(static_cast<int>(random.below(classes)));
  for (std::size_t m = 0; m < models; ++m) {
    const double skill = 0.5 + 2.0 * random.uniform(), spread = 0.5 + random.uniform();
    for (std::size_t i = 0; i < samples; ++i) {
      std::vector<double> raw(classes);
      double sum = 0.0;
      for (std::size_t c = 0; c < classes; ++c)
        sum += raw[c] = std::exp(spread * random.normal() + (static_cast<int>(c) == data.labels[i] ? skill : 0.0));
      for (const double value : raw) data.probs.push_back(static_cast<float>(value / sum));
    }
    data.cost.push_back(0.2 + skill * random.uniform());
  }
  return data;
}

inline Predictions predictions_of(const oracle::Case& data) {
  auto probs = std::make_shared<const std::vector<float>>(data.probs);
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < data.models; ++m) models.push_back({probs->data() + m * data.samples * data.classes, probs});
  if (!data.targets.empty())
    return Predictions::from_values(std::move(models), {data.targets.data(), data.samples, data.classes});
  return Predictions::from_probabilities(std::move(models), data.samples, data.classes,
                                         {data.labels.begin(), data.labels.end()});
}

// A metric with what it wants of the data, and sometimes weights.
inline oracle::Options random_options(Random& random, oracle::Case& data) {
  const char* metrics[] = {"log_loss", "accuracy", "brier", "balanced_accuracy", "macro_f1", "mse"};
  const char* combines[] = {"mean", "mean", "logits", "vote"};
  oracle::Options options{.metric = metrics[random.below(6)],
                          .max_size = 1 + static_cast<int>(random.below(7)),
                          .with_replacement = random.below(4) != 0,
                          .parallel = random.below(4) == 0,
                          .caps = static_cast<int>(random.below(4)),
                          .combine = combines[random.below(4)],
                          .sorted_start = random.below(4) == 0 ? static_cast<int>(random.below(4)) : 0,
                          .patience = random.below(3) == 0 ? 1 + static_cast<int>(random.below(3)) : 0};
  if (options.metric == "mse") {
    options.combine = "mean";
    for (std::size_t i = 0; i < data.samples * data.classes; ++i)
      data.targets.push_back(static_cast<float>(static_cast<int>(random.below(9)) - 4) / 4.0f);
  }
  if (random.below(3) == 0) {
    for (std::size_t i = 0; i < data.samples; ++i) data.sample_weight.push_back(static_cast<double>(random.below(4)) / 2.0);
    data.sample_weight[random.below(data.samples)] = 1.0;
  }
  return options;
}

inline Cost as_cost(const oracle::Case& data, const oracle::Options& options) {
  return {.of_model = data.cost, .parallel = options.parallel};
}

inline SelectOptions as_select_options(const oracle::Case& data, const oracle::Options& options, int threads = 1) {
  return {.metric = metric_from_name(options.metric),
          .combine = pooling_from_name(options.combine),
          .max_size = options.max_size,
          .with_replacement = options.with_replacement,
          .sorted_start = options.sorted_start,
          .patience = options.patience,
          .caps = options.caps,
          .swaps = false,
          .sample_weight = data.sample_weight,
          .threads = threads};
}

}  // namespace quorate
