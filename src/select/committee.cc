#include "select/committee.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "quorate/select/metric.h"

namespace quorate {
namespace {

Predictions source_of(const Predictions& predictions, Pooling pooling) {
  if (pooling != Pooling::kLogits) return predictions;
  require(predictions.has_probabilities(), "combine is logits, which needs probabilities, but the predictions are ",
          predictions.has_values() ? "values" : "votes");
  return predictions.as_logarithms(static_cast<float>(kLeastProbability));
}

void softmax(std::span<double> scores) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (double& score : scores) sum += score = std::exp(score - highest);
  for (double& score : scores) score /= sum;
}

}  // namespace

Committee::Committee(const Predictions& predictions, Ensemble ensemble)
    : source_(source_of(predictions, ensemble.combine)), ensemble_(std::move(ensemble)) {
  check(ensemble_, predictions.models());
  require(ensemble_.combine != Pooling::kVote || !predictions.has_values(),
          "combine is vote, but the predictions are values, which have no classes to vote for");
}

void Committee::scores(std::size_t first, std::size_t rows, std::span<double> out) const {
  const std::size_t classes = source_.classes();
  std::vector<float> of_member(rows * classes);
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t k = 0; k < ensemble_.members.size(); ++k) {
    source_.read(static_cast<std::size_t>(ensemble_.members[k]), first, rows, of_member.data());
    const double weight = ensemble_.weights[k];
    if (ensemble_.combine == Pooling::kVote) {
      for (std::size_t row = 0; row < rows; ++row) {
        const float* of_row = of_member.data() + row * classes;
        out[row * classes + static_cast<std::size_t>(std::max_element(of_row, of_row + classes) - of_row)] += weight;
      }
    } else {
      for (std::size_t i = 0; i < of_member.size(); ++i) out[i] += weight * double{of_member[i]};
    }
  }
  if (ensemble_.combine == Pooling::kLogits)
    for (std::size_t row = 0; row < rows; ++row) softmax(out.subspan(row * classes, classes));
}

std::size_t answer_of(std::span<const double> scores) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  return static_cast<std::size_t>(
      std::find_if(scores.begin(), scores.end(), [=](double score) { return score >= highest - kScoreTie; }) -
      scores.begin());
}

}  // namespace quorate
