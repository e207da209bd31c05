#include "quorate/library/predictions.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "library/predictions_check.h"

namespace quorate {
namespace {

void check_not_empty(std::size_t models, std::size_t samples) {
  require(models >= 1, "there are 0 models, but there must be at least 1");
  require(samples >= 1, "there are 0 samples, but there must be at least 1");
}

void check_labels_size(const std::vector<std::int32_t>& labels, std::size_t samples) {
  require(labels.size() == samples, "labels has ", labels.size(), " entries, but there are ", samples, " samples");
}

}  // namespace

Predictions Predictions::from_probabilities(std::vector<Model> models, std::size_t samples, std::size_t classes,
                                            std::vector<std::int32_t> labels, std::vector<std::string> names) {
  check_not_empty(models.size(), samples);
  require(classes >= 1, "there are 0 classes, but there must be at least 1");
  check_labels_size(labels, samples);
  check_labels(labels, static_cast<std::int64_t>(classes));

  Predictions result;
  result.names_ = names_or_numbers(std::move(names), models.size());
  check_distributions(models, samples, classes, result.names_);
  result.models_ = std::move(models);
  result.labels_ = std::make_shared<const std::vector<std::int32_t>>(std::move(labels));
  result.samples_ = samples;
  result.classes_ = classes;
  return result;
}

Predictions Predictions::from_values(std::vector<Model> models, MatrixView<const float> targets,
                                     std::vector<std::string> names) {
  check_not_empty(models.size(), targets.rows);
  require(targets.cols >= 1, "there are 0 outputs, but there must be at least 1");
  for (std::size_t sample = 0; sample < targets.rows; ++sample)
    for (std::size_t output = 0; output < targets.cols; ++output)
      require(std::isfinite(targets(sample, output)), "targets[", sample, ", ", output, "] is ", targets(sample, output),
              ", but must be finite");

  Predictions result;
  result.names_ = names_or_numbers(std::move(names), models.size());
  check_finite(models, targets.rows, targets.cols, result.names_);
  result.models_ = std::move(models);
  result.labels_ = std::make_shared<const std::vector<std::int32_t>>();
  result.targets_ = std::make_shared<const std::vector<float>>(targets.data, targets.data + targets.rows * targets.cols);
  result.samples_ = targets.rows;
  result.classes_ = targets.cols;
  return result;
}

Predictions Predictions::from_votes(MatrixView<const std::int32_t> classes, MatrixView<const float> confidence,
                                    std::vector<std::int32_t> labels, std::vector<std::string> names) {
  check_not_empty(classes.rows, classes.cols);
  check_labels_size(labels, classes.cols);
  require(confidence.data == nullptr || (confidence.rows == classes.rows && confidence.cols == classes.cols),
          "confidence has shape [", confidence.rows, ", ", confidence.cols, "], but must have the votes' [", classes.rows,
          ", ", classes.cols, "]");

  Predictions result;
  result.names_ = names_or_numbers(std::move(names), classes.rows);
  const std::size_t total = classes.rows * classes.cols;
  auto votes = std::make_shared<Votes>();
  votes->classes.assign(classes.data, classes.data + total);
  if (confidence.data != nullptr)
    votes->confidence.assign(confidence.data, confidence.data + total);
  else
    votes->confidence.assign(total, 1.0f);

  std::int32_t highest = *std::max_element(labels.begin(), labels.end());
  for (std::size_t i = 0; i < total; ++i) {
    const std::size_t sample = i % classes.cols;
    const std::string& name = result.names_[i / classes.cols];
    require(votes->classes[i] >= 0, "the vote of model \"", name, "\" on sample ", sample, " is ", votes->classes[i],
            ", but must be at least 0");
    require(votes->confidence[i] >= 0.0f && votes->confidence[i] <= 1.0f, "the confidence of model \"", name,
            "\" on sample ", sample, " is ", votes->confidence[i], ", but must be from 0 to 1");
    highest = std::max(highest, votes->classes[i]);
  }
  check_labels(labels, static_cast<std::int64_t>(highest) + 1);
  result.votes_ = std::move(votes);
  result.labels_ = std::make_shared<const std::vector<std::int32_t>>(std::move(labels));
  result.samples_ = classes.cols;
  result.classes_ = static_cast<std::size_t>(highest) + 1;
  return result;
}

}  // namespace quorate
