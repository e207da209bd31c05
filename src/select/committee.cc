#include "select/committee.h"

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "quorate/select/metric.h"
#include "select/cpu.h"

namespace quorate {
namespace {

Predictions source_of(const Predictions& predictions, Pooling pooling) {
  if (pooling != Pooling::kLogits) return predictions;
  require(predictions.has_probabilities(), "combine is logits, which needs probabilities, but the predictions are ",
          predictions.has_values() ? "values" : "votes");
  return predictions.as_logarithms(static_cast<float>(kLeastProbability));
}

// The same bits on any processor.
struct AddWeighted {
  template <int>
  [[gnu::always_inline]] static void run(double weight, const float* scores, std::size_t count, double* __restrict out) {
    for (std::size_t i = 0; i < count; ++i) out[i] += weight * double{scores[i]};
  }
};

void softmax(std::span<double> scores) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (double& score : scores) sum += score = std::exp(score - highest);
  for (double& score : scores) score /= sum;
}

}  // namespace

Committees::Committees(const Predictions& predictions, std::span<const Ensemble> ensembles)
    : source_(source_of(predictions, ensembles.empty() ? Pooling::kMean : ensembles[0].combine)), ensembles_(ensembles) {
  for (const Ensemble& ensemble : ensembles) {
    check(ensemble, predictions.models());
    require(ensemble.combine != Pooling::kVote || !predictions.has_values(),
            "combine is vote, but the predictions are values, which have no classes to vote for");
    distinct_.insert(distinct_.end(), ensemble.members.begin(), ensemble.members.end());
  }
  std::sort(distinct_.begin(), distinct_.end());
  distinct_.erase(std::unique(distinct_.begin(), distinct_.end()), distinct_.end());
}

void Committees::read(std::size_t first, std::size_t rows, Rows& members) const {
  const std::size_t size = rows * source_.classes();
  members.resize(distinct_.size() * size);
  for (std::size_t k = 0; k < distinct_.size(); ++k)
    source_.read(static_cast<std::size_t>(distinct_[k]), first, rows, members.data() + k * size);
}

void Committees::scores(std::size_t ensemble, std::size_t rows, const Rows& members, std::span<double> out) const {
  const std::size_t classes = source_.classes(), size = rows * classes;
  const Ensemble& committee = ensembles_[ensemble];
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t k = 0; k < committee.members.size(); ++k) {
    const auto place = std::lower_bound(distinct_.begin(), distinct_.end(), committee.members[k]) - distinct_.begin();
    const float* of_member = members.data() + static_cast<std::size_t>(place) * size;
    const double weight = committee.weights[k];
    if (committee.combine == Pooling::kVote) {
      for (std::size_t row = 0; row < rows; ++row) {
        const float* of_row = of_member + row * classes;
        out[row * classes + static_cast<std::size_t>(std::max_element(of_row, of_row + classes) - of_row)] += weight;
      }
    } else {
      run_unfused<AddWeighted>(weight, of_member, size, out.data());
    }
  }
  if (committee.combine == Pooling::kLogits)
    for (std::size_t row = 0; row < rows; ++row) softmax(out.subspan(row * classes, classes));
}

std::size_t answer_of(std::span<const double> scores) {
  const double highest = *std::max_element(scores.begin(), scores.end());
  return static_cast<std::size_t>(
      std::find_if(scores.begin(), scores.end(), [=](double score) { return score >= highest - kScoreTie; }) -
      scores.begin());
}

}  // namespace quorate
