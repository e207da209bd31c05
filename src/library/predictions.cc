#include "quorate/library/predictions.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <set>

#include "core/message.h"
#include "quorate/core/parallel.h"

namespace quorate {
namespace {

std::vector<std::string> named(std::vector<std::string> names, std::size_t models) {
  if (names.empty())
    for (std::size_t m = 0; m < models; ++m) names.push_back(std::to_string(m));
  require(names.size() == models, "names has ", names.size(), " entries, but there are ", models, " models");
  std::set<std::string> seen;
  for (const std::string& name : names) require(seen.insert(name).second, "names holds \"", name, "\" twice");
  return names;
}

// A row's sum and its lowest value (at most 0), in lanes that a compiler turns into vectors. A value that is not finite
// makes the sum not finite.
struct RowSummary {
  double sum = 0.0;
  float lowest = 0.0f;
};

template <class T>
RowSummary summary(const T* row, std::size_t classes) {
  constexpr std::size_t kLanes = 8;
  double sum[kLanes] = {};
  float lowest[kLanes] = {};
  const auto take = [&](std::size_t lane, float value) {
    sum[lane] += value;
    lowest[lane] = value < lowest[lane] ? value : lowest[lane];
  };
  std::size_t c = 0;
  for (; c + kLanes <= classes; c += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) take(lane, to_float(row[c + lane]));
  for (std::size_t lane = 0; c + lane < classes; ++lane) take(lane, to_float(row[c + lane]));
  RowSummary result;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    result.sum += sum[lane];
    result.lowest = std::min(result.lowest, lowest[lane]);
  }
  return result;
}

// Each float16 probability is rounded by up to 2^-12, so that a row of many classes strays further from 1.
double tolerance(const float*) { return 1e-3; }
double tolerance(const Half*) { return 1e-2; }

template <class T>
bool is_distribution(const T* row, std::size_t classes) {
  const RowSummary found = summary(row, classes);
  return found.lowest >= 0.0f && std::abs(found.sum - 1.0) <= tolerance(row);
}

template <class T>
void refuse(const T* row, std::size_t classes, const std::string& model, std::size_t sample) {
  for (std::size_t c = 0; c < classes; ++c)
    require(std::isfinite(to_float(row[c])) && to_float(row[c]) >= 0.0f, "the probability of class ", c, " by model \"",
            model, "\" on sample ", sample, " is ", to_float(row[c]), ", but must be finite and not negative");
  require(false, "the probabilities of model \"", model, "\" on sample ", sample, " sum to ", summary(row, classes).sum,
          ", but must sum to 1 within ", tolerance(row));
}

// Reads everything once, on all cores where it is much, and reports the first row that is wrong.
void check_rows(const std::vector<Predictions::Model>& models, std::size_t samples, std::size_t classes,
                const std::vector<std::string>& names) {
  constexpr std::size_t kWorthThreads = std::size_t{1} << 20;
  const std::size_t rows = models.size() * samples;
  std::size_t first_wrong = rows;
  std::mutex mutex;
  parallel_for(rows, rows * classes < kWorthThreads ? 1 : 0, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const auto is_right = [&](const auto* data) { return is_distribution(data + row % samples * classes, classes); };
      if (std::visit(is_right, models[row / samples].data)) continue;
      const std::lock_guard lock(mutex);
      first_wrong = std::min(first_wrong, row);
      return;
    }
  });
  if (first_wrong == rows) return;
  const std::size_t model = first_wrong / samples, sample = first_wrong % samples;
  std::visit([&](const auto* data) { refuse(data + sample * classes, classes, names[model], sample); }, models[model].data);
}

void check_labels(const std::vector<std::int32_t>& labels, std::int64_t classes) {
  for (std::size_t sample = 0; sample < labels.size(); ++sample)
    require(labels[sample] >= 0 && labels[sample] < classes, "labels[", sample, "] is ", labels[sample],
            ", but must be from 0 to ", classes - 1);
}

}  // namespace

Predictions Predictions::from_probabilities(std::vector<Model> models, std::size_t samples, std::size_t classes,
                                            std::vector<std::int32_t> labels, std::vector<std::string> names) {
  require(!models.empty(), "there are 0 models, but there must be at least 1");
  require(samples >= 1, "there are 0 samples, but there must be at least 1");
  require(classes >= 1, "there are 0 classes, but there must be at least 1");
  require(labels.size() == samples, "labels has ", labels.size(), " entries, but there are ", samples, " samples");
  check_labels(labels, static_cast<std::int64_t>(classes));

  Predictions result;
  result.names_ = named(std::move(names), models.size());
  check_rows(models, samples, classes, result.names_);
  result.models_ = std::move(models);
  result.labels_ = std::make_shared<const std::vector<std::int32_t>>(std::move(labels));
  result.classes_ = classes;
  return result;
}

Predictions Predictions::from_votes(MatrixView<const std::int32_t> classes, MatrixView<const float> confidence,
                                    std::vector<std::int32_t> labels, std::vector<std::string> names) {
  require(classes.rows >= 1, "there are 0 models, but there must be at least 1");
  require(classes.cols >= 1, "there are 0 samples, but there must be at least 1");
  require(labels.size() == classes.cols, "labels has ", labels.size(), " entries, but there are ", classes.cols, " samples");
  require(confidence.data == nullptr || (confidence.rows == classes.rows && confidence.cols == classes.cols),
          "confidence has shape [", confidence.rows, ", ", confidence.cols, "], but must have the votes' [", classes.rows,
          ", ", classes.cols, "]");

  Predictions result;
  result.names_ = named(std::move(names), classes.rows);
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
  result.classes_ = static_cast<std::size_t>(highest) + 1;
  return result;
}

void Predictions::read(std::size_t model, std::size_t begin, std::size_t rows, float* out) const {
  if (votes_) {
    std::fill_n(out, rows * classes_, 0.0f);
    for (std::size_t row = 0; row < rows; ++row) {
      const std::size_t vote = model * samples() + begin + row;
      out[row * classes_ + static_cast<std::size_t>(votes_->classes[vote])] = votes_->confidence[vote];
    }
    return;
  }
  std::visit(
      [&](const auto* data) {
        const auto* first = data + begin * classes_;
        for (std::size_t i = 0; i < rows * classes_; ++i) out[i] = to_float(first[i]);
      },
      models_[model].data);
}

void Predictions::read_true_class(std::size_t model, std::span<float> out) const {
  for (std::size_t sample = 0; sample < samples(); ++sample) {
    const auto label = static_cast<std::size_t>((*labels_)[sample]);
    if (votes_) {
      const std::size_t vote = model * samples() + sample;
      out[sample] = static_cast<std::size_t>(votes_->classes[vote]) == label ? votes_->confidence[vote] : 0.0f;
    } else {
      out[sample] =
          std::visit([&](const auto* data) { return to_float(data[sample * classes_ + label]); }, models_[model].data);
    }
  }
}

void Predictions::read_answers(std::size_t model, std::span<std::int32_t> answer, std::span<float> confidence) const {
  if (votes_) {
    const std::size_t first = model * samples();
    // A vote of confidence 0 is a row of zeros: the same answer as its average would give.
    for (std::size_t sample = 0; sample < samples(); ++sample) {
      confidence[sample] = votes_->confidence[first + sample];
      answer[sample] = confidence[sample] > 0.0f ? votes_->classes[first + sample] : 0;
    }
    return;
  }
  std::visit(
      [&](const auto* data) {
        for (std::size_t sample = 0; sample < samples(); ++sample) {
          const auto* row = data + sample * classes_;
          std::int32_t best = 0;
          float highest = to_float(row[0]);
          for (std::size_t c = 1; c < classes_; ++c)
            if (const float value = to_float(row[c]); value > highest) {
              highest = value;
              best = static_cast<std::int32_t>(c);
            }
          answer[sample] = best;
          confidence[sample] = highest;
        }
      },
      models_[model].data);
}

Predictions Predictions::take(std::span<const std::size_t> samples) const {
  require(!samples.empty(), "samples is empty, but must name at least one");
  for (const std::size_t sample : samples)
    require(sample < this->samples(), "samples holds ", sample, ", but must be below ", this->samples());

  Predictions result = *this;
  auto labels = std::make_shared<std::vector<std::int32_t>>();
  for (const std::size_t sample : samples) labels->push_back((*labels_)[sample]);
  result.labels_ = std::move(labels);
  if (votes_) {
    auto votes = std::make_shared<Votes>();
    for (std::size_t m = 0; m < models(); ++m)
      for (const std::size_t sample : samples) {
        votes->classes.push_back(votes_->classes[m * this->samples() + sample]);
        votes->confidence.push_back(votes_->confidence[m * this->samples() + sample]);
      }
    result.votes_ = std::move(votes);
    return result;
  }
  for (Model& model : result.models_)
    std::visit(
        [&]<class T>(const T* data) {
          auto rows = std::make_shared<std::vector<T>>();
          rows->reserve(samples.size() * classes_);
          for (const std::size_t sample : samples)
            rows->insert(rows->end(), data + sample * classes_, data + (sample + 1) * classes_);
          model.data = rows->data();
          model.owner = rows;
        },
        model.data);
  return result;
}

}  // namespace quorate
