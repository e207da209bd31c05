// Small random committees whose models are arithmetic, for tests of what moves samples through them.
#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "oracle/committee.h"
#include "quorate/core/random.h"
#include "quorate/infer/engine.h"

namespace quorate::test {

// A softmax of features that depend on the model: the same bits in whatever batch.
inline std::vector<float> scores(int model, const float* sample, std::size_t features, std::size_t classes) {
  std::vector<float> result(classes);
  float sum = 0.0f;
  for (std::size_t c = 0; c < classes; ++c) {
    float logit = 0.0f;
    for (std::size_t f = 0; f < features; ++f)
      logit += sample[f] * std::sin(static_cast<float>(1 + model + 3 * static_cast<int>(c) + 7 * static_cast<int>(f)));
    sum += result[c] = std::exp(2.0f * logit);
  }
  for (float& score : result) score /= sum;
  return result;
}

class Arithmetic : public Backend {
 public:
  Arithmetic(int model, std::size_t classes) : model_(model), classes_(classes) {}

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    const auto samples = static_cast<std::size_t>(shape[0]);
    const auto features = static_cast<std::size_t>(shape[1]);
    const auto out = std::make_shared<std::vector<float>>();
    for (std::size_t i = 0; i < samples; ++i) {
      // A marked sample, for tests of failure.
      if (input[i * features] > 1e6f) throw std::runtime_error("sample out of reach");
      const std::vector<float> row = scores(model_, input + i * features, features, classes_);
      out->insert(out->end(), row.begin(), row.end());
    }
    return {out->data(), samples, classes_, out};
  }
  std::int64_t weight_bytes() const override { return 0; }

 private:
  int model_;
  std::size_t classes_;
};

inline std::vector<float> random_input(std::size_t count, Random& random) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

// Of 1 to 3 tiers with 1 to 3 members each; thresholds at which some samples stop and some do not.
inline Cascade random_cascade(Random& random) {
  constexpr Signal kSignals[] = {Signal::kConfidence, Signal::kAgreement, Signal::kVoteAgreement, Signal::kMargin,
                                 Signal::kEntropy};
  Cascade cascade;
  cascade.combine = static_cast<Combine>(random.below(3));
  const std::size_t depth = 1 + random.below(3);
  int next = 0;
  for (std::size_t tier = 0; tier < depth; ++tier) {
    Tier made;
    const std::size_t members = 1 + random.below(3);
    double sum = 0.0;
    for (std::size_t k = 0; k < members; ++k) {
      made.members.push_back(next++);
      made.weights.push_back(0.1 + random.uniform());
      sum += made.weights.back();
    }
    for (double& weight : made.weights) weight /= sum;
    made.signal = kSignals[random.below(5)];
    made.threshold = tier + 1 == depth ? 0.0 : 0.4 + 0.5 * random.uniform();
    cascade.tiers.push_back(made);
  }
  return cascade;
}

inline std::size_t members_of(const Cascade& cascade) {
  std::size_t count = 0;
  for (const Tier& tier : cascade.tiers) count += tier.members.size();
  return count;
}

}  // namespace quorate::test
