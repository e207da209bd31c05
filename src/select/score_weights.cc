#include "select/score_weights.h"

#include <numeric>

namespace quorate {

ScoreWeights score_weights(const Scoring& scoring) {
  ScoreWeights weights;
  weights.alike = scoring.sample_weight.empty();
  weights.of.assign(scoring.sample_weight.begin(), scoring.sample_weight.end());
  if (weights.alike) weights.of.assign(scoring.predictions.samples(), 1.0);
  weights.total = std::accumulate(weights.of.begin(), weights.of.end(), 0.0);
  return weights;
}

ScoreWeights balanced_weights(const Scoring& scoring) {
  ScoreWeights weights = score_weights(scoring);
  const auto labels = scoring.predictions.labels();
  std::vector<double> of_class(scoring.predictions.classes(), 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) of_class[static_cast<std::size_t>(labels[i])] += weights.of[i];
  double present = 0.0;
  for (const double weight : of_class) present += weight > 0.0 ? 1.0 : 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (weights.of[i] > 0.0) weights.of[i] /= present * of_class[static_cast<std::size_t>(labels[i])];
  weights.total = 1.0;
  weights.alike = false;
  return weights;
}

}  // namespace quorate
