#include "quorate/select/metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/message.h"
#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/committee.h"
#include "select/sample_losses.h"
#include "select/scorer.h"

namespace quorate {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"log_loss", "accuracy", "brier", "balanced_accuracy", "macro_f1", "mse"};

double log_loss(double p) { return -std::log(std::clamp(p, kLeastProbability, 1.0)); }

double squares(std::span<const double> p, std::size_t label) {
  double sum = 0.0;
  for (std::size_t c = 0; c < p.size(); ++c) {
    const double miss = p[c] - (c == label ? 1.0 : 0.0);
    sum += miss * miss;
  }
  return sum;
}

double squares(std::span<const double> values, std::span<const float> targets) {
  double sum = 0.0;
  for (std::size_t j = 0; j < values.size(); ++j) sum += (values[j] - double{targets[j]}) * (values[j] - double{targets[j]});
  return sum / static_cast<double>(values.size());
}

// result[k][i] = of_sample(scores [classes], i) of ensemble k, for every sample.
template <class Result, class OfSample>
std::vector<std::vector<Result>> each_sample(const Predictions& predictions, std::span<const Ensemble> ensembles,
                                             int threads, const OfSample& of_sample) {
  const Committees committees(predictions, ensembles);
  const Chunks chunks(predictions.samples(), predictions.classes());
  const std::size_t classes = predictions.classes();
  std::vector<std::vector<Result>> result(ensembles.size(), std::vector<Result>(predictions.samples()));
  parallel_for(chunks.count(), threads, [&](std::size_t begin, std::size_t end) {
    std::vector<double> scores(chunks.rows_at_most() * classes);
    Committees::Rows members;
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      const auto [first, rows] = chunks[chunk];
      committees.read(first, rows, members);
      for (std::size_t k = 0; k < ensembles.size(); ++k) {
        committees.scores(k, rows, members, {scores.data(), rows * classes});
        for (std::size_t row = 0; row < rows; ++row)
          result[k][first + row] = of_sample(std::span<const double>(scores).subspan(row * classes, classes), first + row);
      }
    }
  });
  return result;
}

// Log loss of mean scores: the true class alone is read, of each model once.
std::vector<std::vector<double>> log_losses(const Predictions& predictions, std::span<const Ensemble> ensembles) {
  std::map<int, std::vector<float>> columns;
  std::vector<std::vector<double>> result;
  for (const Ensemble& ensemble : ensembles) {
    check(ensemble, predictions.models());
    std::vector<double> mean(predictions.samples(), 0.0);
    for (std::size_t k = 0; k < ensemble.members.size(); ++k) {
      const auto [column, is_new] = columns.try_emplace(ensemble.members[k], predictions.samples());
      if (is_new) predictions.read_true_class(static_cast<std::size_t>(ensemble.members[k]), column->second);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += ensemble.weights[k] * double{column->second[i]};
    }
    for (double& p : mean) p = log_loss(p);
    result.push_back(std::move(mean));
  }
  return result;
}

std::vector<std::vector<double>> sample_losses(Metric metric, const Predictions& predictions,
                                               std::span<const Ensemble> ensembles, int threads) {
  if (metric == Metric::kLogLoss && !ensembles.empty() && ensembles[0].combine == Pooling::kMean)
    return log_losses(predictions, ensembles);
  const auto label = [&](std::size_t i) { return static_cast<std::size_t>(predictions.labels()[i]); };
  using Scores = std::span<const double>;
  const auto each = [&](const auto& of_sample) { return each_sample<double>(predictions, ensembles, threads, of_sample); };
  switch (metric) {
    case Metric::kLogLoss:
      return each([&](Scores p, std::size_t i) { return log_loss(p[label(i)]); });
    case Metric::kBrier:
      return each([&](Scores p, std::size_t i) { return squares(p, label(i)); });
    case Metric::kMse:
      return each([&](Scores values, std::size_t i) {
        return squares(values, predictions.targets().subspan(i * values.size(), values.size()));
      });
    default:
      return each([&](Scores p, std::size_t i) { return answer_of(p) == label(i) ? 0.0 : 1.0; });
  }
}

double weighted_mean(std::span<const double> losses, std::span<const double> weight) {
  double sum = 0.0, weights = 0.0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double of_sample = weight.empty() ? 1.0 : weight[i];
    sum += of_sample * losses[i];
    weights += of_sample;
  }
  return sum / weights;
}

double balanced_error(std::span<const double> wrong, std::span<const std::int32_t> labels, std::size_t classes,
                      std::span<const double> weight) {
  std::vector<double> missed(classes, 0.0), all(classes, 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    const double of_sample = weight.empty() ? 1.0 : weight[i];
    missed[label] += of_sample * wrong[i];
    all[label] += of_sample;
  }
  double sum = 0.0, present = 0.0;
  for (std::size_t c = 0; c < classes; ++c)
    if (all[c] > 0.0) {
      sum += missed[c] / all[c];
      present += 1.0;
    }
  return sum / present;
}

double macro_f1_loss(std::span<const std::int32_t> answers, std::span<const std::int32_t> labels, std::size_t classes,
                     std::span<const double> weight) {
  std::vector<double> right(classes, 0.0), true_or_answered(classes, 0.0);  // TP; 2 TP + FP + FN
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double of_sample = weight.empty() ? 1.0 : weight[i];
    true_or_answered[static_cast<std::size_t>(labels[i])] += of_sample;
    true_or_answered[static_cast<std::size_t>(answers[i])] += of_sample;
    if (answers[i] == labels[i]) right[static_cast<std::size_t>(labels[i])] += of_sample;
  }
  double sum = 0.0, present = 0.0;
  for (std::size_t c = 0; c < classes; ++c)
    if (true_or_answered[c] > 0.0) {
      sum += 2.0 * right[c] / true_or_answered[c];
      present += 1.0;
    }
  return 1.0 - sum / present;
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

std::vector<SampleResults> sample_results(Metric metric, const Predictions& predictions, std::span<const Ensemble> ensembles,
                                          int threads) {
  std::vector<SampleResults> results;
  if (metric == Metric::kMacroF1) {
    const auto answer = [](std::span<const double> p, std::size_t) { return static_cast<std::int32_t>(answer_of(p)); };
    for (auto& answers : each_sample<std::int32_t>(predictions, ensembles, threads, answer))
      results.push_back({{}, std::move(answers)});
  } else {
    for (auto& losses : sample_losses(metric, predictions, ensembles, threads)) results.push_back({std::move(losses), {}});
  }
  return results;
}

double loss_of(Metric metric, const SampleResults& results, const Predictions& predictions,
               std::span<const double> sample_weight) {
  const auto labels = predictions.labels();
  if (metric == Metric::kMacroF1) return macro_f1_loss(results.answers, labels, predictions.classes(), sample_weight);
  if (metric == Metric::kBalancedAccuracy)
    return balanced_error(results.losses, labels, predictions.classes(), sample_weight);
  return weighted_mean(results.losses, sample_weight);
}

std::vector<double> losses(Metric metric, const Predictions& predictions, std::span<const Ensemble> ensembles, int threads,
                           std::span<const double> sample_weight) {
  constexpr std::size_t kAtOnce = 64;  // whose results are held
  std::vector<double> result;
  for (std::size_t first = 0; first < ensembles.size(); first += kAtOnce) {
    const auto some = ensembles.subspan(first, std::min(kAtOnce, ensembles.size() - first));
    for (const Ensemble& ensemble : some) check_suits({predictions, metric, ensemble.combine, sample_weight, threads});
    for (const SampleResults& one : sample_results(metric, predictions, some, threads))
      result.push_back(loss_of(metric, one, predictions, sample_weight));
  }
  return result;
}

double loss(Metric metric, const Predictions& predictions, const Ensemble& ensemble, int threads,
            std::span<const double> sample_weight) {
  return losses(metric, predictions, {&ensemble, 1}, threads, sample_weight)[0];
}

}  // namespace quorate
