// Small random problems, full of ties: scores are eighths.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/library/predictions.h"

namespace quorate::test {

// What a call says as it throws an Error; empty where it does not.
template <class Error, class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline std::vector<std::int32_t> random_labels(Random& random, std::size_t samples, std::size_t classes) {
  std::vector<std::int32_t> labels(samples);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(classes));
  return labels;
}

// scores [models][samples * classes].
inline Predictions from_rows(const std::vector<std::vector<float>>& scores, std::size_t classes,
                             std::vector<std::int32_t> labels) {
  std::vector<Predictions::Model> models;
  for (const std::vector<float>& one : scores) {
    const auto owner = std::make_shared<const std::vector<float>>(one);
    models.push_back({owner->data(), owner});
  }
  const std::size_t samples = labels.size();
  return Predictions::from_probabilities(std::move(models), samples, classes, std::move(labels));
}

// Each model leans towards the label.
inline Predictions random_probabilities(Random& random, std::size_t models, std::size_t samples, std::size_t classes) {
  const std::vector<std::int32_t> labels = random_labels(random, samples, classes);
  std::vector<std::vector<float>> scores(models, std::vector<float>(samples * classes, 0.0f));
  for (std::vector<float>& model : scores)
    for (std::size_t sample = 0; sample < samples; ++sample)
      for (int eighth = 0; eighth < 8; ++eighth) {
        const std::size_t c = random.uniform() < 0.4 ? static_cast<std::size_t>(labels[sample]) : random.below(classes);
        model[sample * classes + c] += 0.125f;
      }
  return from_rows(scores, classes, labels);
}

inline Predictions random_votes(Random& random, std::size_t models, std::size_t samples, std::size_t classes,
                                bool with_confidence) {
  std::vector<std::int32_t> labels = random_labels(random, samples, classes);
  std::vector<std::int32_t> votes(models * samples);
  std::vector<float> confidence(models * samples);
  for (std::size_t i = 0; i < votes.size(); ++i) {
    votes[i] = random.uniform() < 0.5 ? labels[i % samples] : static_cast<std::int32_t>(random.below(classes));
    confidence[i] = static_cast<float>(random.below(9)) / 8.0f;
  }
  return Predictions::from_votes({votes.data(), models, samples},
                                 {with_confidence ? confidence.data() : nullptr, models, samples}, std::move(labels));
}

inline Predictions random_predictions(Random& random, std::size_t models, std::size_t samples) {
  const std::size_t classes = 2 + random.below(2);
  const std::uint64_t kind = random.below(4);
  if (kind >= 2) return random_votes(random, models, samples, classes, kind == 2);
  return random_probabilities(random, models, samples, classes);
}

// Certainties are quarters.
inline Predictions with_random_certainty(Random& random, const Predictions& predictions) {
  std::vector<float> certainty(predictions.models() * predictions.samples());
  for (float& one : certainty) one = static_cast<float>(random.below(5)) / 4.0f;
  return predictions.with_certainty({certainty.data(), predictions.models(), predictions.samples()});
}

inline std::vector<double> random_cost(Random& random, std::size_t models) {
  std::vector<double> cost(models);
  for (double& one : cost) one = static_cast<double>(random.below(8)) / 10.0;
  return cost;
}

}  // namespace quorate::test
