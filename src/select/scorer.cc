#include "select/scorer.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "select/score_cuda.h"
#include "select/scorers.h"

namespace quorate {
namespace {

bool needs_probabilities(Metric metric) { return metric == Metric::kLogLoss || metric == Metric::kBrier; }

void check_weights(std::span<const double> weights, std::size_t samples) {
  if (weights.empty()) return;
  require(weights.size() == samples, "sample_weight has ", weights.size(), " entries, but there are ", samples, " samples");
  double sum = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    require(std::isfinite(weights[i]) && weights[i] >= 0.0, "sample_weight[", i, "] is ", weights[i],
            ", but must be finite and not negative");
    sum += weights[i];
  }
  require(sum > 0.0 && std::isfinite(sum), "sample_weight sums to ", sum, ", but must have a positive, finite sum");
}

// Votes and logarithms are made for the scorer, which then owns them.
class Pooled final : public Scorer {
 public:
  Pooled(Predictions predictions, const Scoring& scoring, std::unique_ptr<Scorer> (*make)(const Scoring&))
      : predictions_(std::move(predictions)),
        scorer_(
            make({predictions_, scoring.metric, scoring.combine, scoring.sample_weight, scoring.threads, scoring.device})) {}

  void clear() override { scorer_->clear(); }
  void add(std::size_t model) override { scorer_->add(model); }
  bool remove(std::size_t model) override { return scorer_->remove(model); }
  void score(std::span<const int> models, std::span<double> losses) override { scorer_->score(models, losses); }
  std::vector<int> score_least(std::span<const int> models, std::span<double> losses) override {
    return scorer_->score_least(models, losses);
  }
  double error() const override { return scorer_->error(); }
  double exact(std::size_t model) override { return scorer_->exact(model); }

 private:
  Predictions predictions_;
  std::unique_ptr<Scorer> scorer_;
};

void check_device(const Scoring& scoring) {
  if (scoring.device == "cpu") return;
  constexpr std::string_view kPrefix = "cuda:";
  const std::string_view digits = scoring.device.substr(std::min(kPrefix.size(), scoring.device.size()));
  require(scoring.device.starts_with(kPrefix) && !digits.empty() && digits.size() < 4 &&
              digits.find_first_not_of("0123456789") == std::string_view::npos,
          "device is \"", scoring.device, "\", but must be \"cpu\" or \"cuda:<number>\"");
  const bool of_logits = scoring.combine == Pooling::kLogits && needs_probabilities(scoring.metric);
  require(scoring.metric != Metric::kMacroF1 && !of_logits, "metric is ", name_of(scoring.metric),
          of_logits ? " of mean logits" : "", ", which is scored on the CPU alone, but device is ", scoring.device);
}

}  // namespace

void check_suits(const Scoring& scoring) {
  const Predictions& predictions = scoring.predictions;
  const std::string metric = name_of(scoring.metric);
  const std::string_view combine = name_of(scoring.combine);
  const bool values = predictions.has_values();
  require(!values || scoring.metric == Metric::kMse, "metric is ", metric,
          ", which needs classes, but the predictions are values: only mse can be measured");
  require(values || scoring.metric != Metric::kMse, "metric is mse, which needs values, but the predictions are ",
          predictions.has_probabilities() ? "probabilities" : "votes");
  require(!values || scoring.combine == Pooling::kMean, "combine is ", combine,
          ", but must be mean for values, which have neither logits nor votes");
  require(predictions.has_probabilities() || values || !needs_probabilities(scoring.metric), "metric is ", metric,
          ", which needs probabilities, but the predictions are votes: only accuracy, balanced_accuracy and macro_f1 can be "
          "measured");
  require(predictions.has_probabilities() || scoring.combine != Pooling::kLogits,
          "combine is logits, which needs probabilities, but the predictions are votes: must be mean or vote");
  check_weights(scoring.sample_weight, predictions.samples());
}

std::unique_ptr<Scorer> make_scorer(const Scoring& scoring) {
  check_suits(scoring);
  check_device(scoring);
  using Make = std::unique_ptr<Scorer> (*)(const Scoring&);
  const auto make = [&]() -> Make {
    if (scoring.device != "cpu") return make_cuda_scorer;
    const bool of_logits = scoring.combine == Pooling::kLogits;
    switch (scoring.metric) {
      case Metric::kLogLoss:
        return of_logits ? make_logits_scorer : make_log_loss_scorer;
      case Metric::kBrier:
        return of_logits ? make_logits_scorer : make_squares_scorer;
      case Metric::kMse:
        return make_squares_scorer;
      case Metric::kMacroF1:
        return make_macro_f1_scorer;
      default:
        return make_accuracy_scorer;
    }
  }();
  switch (scoring.combine) {
    case Pooling::kVote:
      return std::make_unique<Pooled>(scoring.predictions.as_votes(), scoring, make);
    case Pooling::kLogits:
      return std::make_unique<Pooled>(scoring.predictions.as_logarithms(static_cast<float>(kLeastProbability)), scoring,
                                      make);
    default:
      return make(scoring);
  }
}

}  // namespace quorate
