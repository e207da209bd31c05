#include <algorithm>

#include "core/message.h"
#include "library/scores.h"
#include "quorate/core/parallel.h"
#include "quorate/library/predictions.h"

namespace quorate {

Predictions Predictions::as_votes() const {
  require(!has_values(), "predictions hold values, but votes need classes");
  auto votes = std::make_shared<Votes>();
  votes->classes.resize(models() * samples_);
  votes->confidence.resize(models() * samples_);
  parallel_for(models(), models() * samples_ * classes_ < 1'000'000 ? 1 : 0, [&](std::size_t begin, std::size_t end) {
    for (std::size_t m = begin; m < end; ++m) {
      read_answers(m, std::span(votes->classes).subspan(m * samples_, samples_),
                   std::span(votes->confidence).subspan(m * samples_, samples_));
      done_with(m);
    }
  });
  std::fill(votes->confidence.begin(), votes->confidence.end(), 1.0f);

  Predictions result = *this;
  result.models_.clear();
  result.votes_ = std::move(votes);
  result.least_ = 0.0f;
  return result;
}

Predictions Predictions::as_logarithms(float least) const {
  require(has_probabilities(), "predictions hold ", has_values() ? "values" : "votes",
          ", but logarithms need probabilities");
  require(least > 0.0f && least <= 1.0f, "least is ", least, ", but must be above 0 and at most 1");
  Predictions result = *this;
  result.least_ = least;
  return result;
}

Predictions Predictions::with_certainty(MatrixView<const float> certainty) const {
  require(certainty.rows == models() && certainty.cols == samples_, "certainty has shape [", certainty.rows, ", ",
          certainty.cols, "], but must have [", models(), ", ", samples_, "], models by samples");
  for (std::size_t m = 0; m < models(); ++m)
    for (std::size_t sample = 0; sample < samples_; ++sample)
      require(certainty(m, sample) >= 0.0f && certainty(m, sample) <= 1.0f, "the certainty of model \"", names_[m],
              "\" on sample ", sample, " is ", certainty(m, sample), ", but must be from 0 to 1");
  Predictions result = *this;
  result.certainty_ =
      std::make_shared<const std::vector<float>>(certainty.data, certainty.data + certainty.rows * certainty.cols);
  return result;
}

Predictions Predictions::take(std::span<const std::size_t> samples) const {
  require(!samples.empty(), "samples is empty, but must name at least one");
  for (const std::size_t sample : samples)
    require(sample < samples_, "samples holds ", sample, ", but must be below ", samples_);

  Predictions result = *this;
  result.samples_ = samples.size();
  // Rows [sample] of `width` numbers, in the order asked for.
  const auto rows = [&]<class T>(const T* data, std::size_t width, std::vector<T>& out) {
    for (const std::size_t sample : samples) out.insert(out.end(), data + sample * width, data + (sample + 1) * width);
  };
  if (has_values()) {
    auto targets = std::make_shared<std::vector<float>>();
    rows(targets_->data(), classes_, *targets);
    result.targets_ = std::move(targets);
  } else {
    auto labels = std::make_shared<std::vector<std::int32_t>>();
    rows(labels_->data(), 1, *labels);
    result.labels_ = std::move(labels);
  }
  if (certainty_) {
    auto certainty = std::make_shared<std::vector<float>>();
    for (std::size_t m = 0; m < models(); ++m) rows(certainty_->data() + m * samples_, 1, *certainty);
    result.certainty_ = std::move(certainty);
  }
  if (votes_) {
    auto votes = std::make_shared<Votes>();
    for (std::size_t m = 0; m < models(); ++m) {
      rows(votes_->classes.data() + m * samples_, 1, votes->classes);
      rows(votes_->confidence.data() + m * samples_, 1, votes->confidence);
    }
    result.votes_ = std::move(votes);
    return result;
  }
  for (Model& model : result.models_)
    std::visit(
        [&]<class T>(const T* data) {
          auto taken = std::make_shared<std::vector<T>>();
          taken->resize(samples.size() * classes_);
          for (std::size_t i = 0; i < samples.size(); ++i)
            read_stored(model, data, samples[i] * classes_, classes_, taken->data() + i * classes_);
          model = {taken->data(), taken};
        },
        model.data);
  return result;
}

}  // namespace quorate
