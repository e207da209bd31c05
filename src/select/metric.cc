#include "quorate/select/metric.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "select/chunks.h"

namespace quorate {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"log_loss", "accuracy", "brier"};  // in the order of the enumeration

double log_loss(const Predictions& predictions, const Ensemble& ensemble) {
  std::vector<double> mean(predictions.samples(), 0.0);
  std::vector<float> column(predictions.samples());
  for (std::size_t k = 0; k < ensemble.members.size(); ++k) {
    predictions.read_true_class(static_cast<std::size_t>(ensemble.members[k]), column);
    for (std::size_t sample = 0; sample < mean.size(); ++sample)
      mean[sample] += ensemble.weights[k] * double{column[sample]};
  }
  double sum = 0.0;
  for (const double p : mean) sum -= std::log(std::clamp(p, kLeastProbability, 1.0));
  return sum / static_cast<double>(mean.size());
}

double error(std::span<const double> p, std::size_t label) {
  return static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin()) == label ? 0.0 : 1.0;
}

double squares(std::span<const double> p, std::size_t label) {
  double sum = 0.0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const double miss = p[c] - (c == label ? 1.0 : 0.0);
    sum += miss * miss;
  }
  return sum;
}

// The mean over samples of `of_sample` of the mean scores.
double mean_over_samples(const Predictions& predictions, const Ensemble& ensemble, int threads,
                         double (*of_sample)(std::span<const double>, std::size_t)) {
  const Chunks chunks(predictions.samples(), predictions.classes());
  const std::size_t classes = predictions.classes();
  std::vector<double> sums(chunks.count(), 0.0);
  parallel_for(chunks.count(), threads, [&](std::size_t begin, std::size_t end) {
    std::vector<float> scores(chunks.rows_at_most() * classes);
    std::vector<double> mean(scores.size());
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const auto [first, rows] = chunks[chunk];
      std::fill(mean.begin(), mean.end(), 0.0);
      for (std::size_t k = 0; k < ensemble.members.size(); ++k) {
        predictions.read(static_cast<std::size_t>(ensemble.members[k]), first, rows, scores.data());
        for (std::size_t i = 0; i < rows * classes; ++i) mean[i] += ensemble.weights[k] * double{scores[i]};
      }
      for (std::size_t row = 0; row < rows; ++row)
        sums[chunk] +=
            of_sample({mean.data() + row * classes, classes}, static_cast<std::size_t>(predictions.labels()[first + row]));
    }
  });
  double sum = 0.0;
  for (const double part : sums) sum += part;
  return sum / static_cast<double>(predictions.samples());
}

}  // namespace

Metric metric_from_name(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  require(found != kNames.end(), "metric is \"", name, "\", but must be one of ", joined(kNames));
  return static_cast<Metric>(found - kNames.begin());
}

std::string name_of(Metric metric) {
  const auto index = static_cast<std::size_t>(metric);
  require(index < kNames.size(), "metric is ", index, ", but must be one of the enumeration");
  return std::string(kNames[index]);
}

void check_suits(Metric metric, const Predictions& predictions) {
  const std::string name = name_of(metric);
  require(metric == Metric::kAccuracy || predictions.has_probabilities(), "metric is ", name,
          ", which needs probabilities, but the predictions are votes: only accuracy can be measured");
}

double loss(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads) {
  check(ensemble, predictions.models());
  check_suits(metric, predictions);
  if (metric == Metric::kLogLoss) return log_loss(predictions, ensemble);
  return mean_over_samples(predictions, ensemble, threads, metric == Metric::kAccuracy ? error : squares);
}

}  // namespace quorate
