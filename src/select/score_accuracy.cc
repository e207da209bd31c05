#include <algorithm>
#include <limits>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/scorer.h"

namespace quorate {
namespace {

// Far above the rounding of a sum of picks, far below what tells two answers apart: closer than this, all classes are read.
constexpr double kSlack = 1e-9;

// A candidate's scores of one sample, all that most samples need.
struct Glance {
  float true_class = 0.0f;
  float best_wrong = 0.0f;
  std::int32_t wrong_class = 0;  // that `best_wrong` is of; the true class where there is no other
};

Glance glance_at(std::span<const float> scores, std::size_t label) {
  Glance glance{.true_class = scores[label], .best_wrong = 0.0f, .wrong_class = static_cast<std::int32_t>(label)};
  bool found = false;
  for (std::size_t c = 0; c < scores.size(); ++c)
    if (c != label && (!found || scores[c] > glance.best_wrong)) {
      glance.best_wrong = scores[c];
      glance.wrong_class = static_cast<std::int32_t>(c);
      found = true;
    }
  return glance;
}

constexpr std::size_t kRivals = 4;

// A sample's wrong classes of highest sum, descending; -infinity where there are fewer.
struct Rivals {
  double sum[kRivals + 1];  // the last stands for all others: none of them is higher
  std::int32_t at[kRivals + 1] = {};

  Rivals() { std::fill_n(sum, kRivals + 1, -std::numeric_limits<double>::infinity()); }

  void insert(double value, std::int32_t wrong_class) {
    if (value <= sum[kRivals]) return;
    std::size_t place = kRivals;
    for (; place > 0 && value > sum[place - 1]; --place) {
      sum[place] = sum[place - 1];
      at[place] = at[place - 1];
    }
    sum[place] = value;
    at[place] = wrong_class;
  }
};

class AccuracyScorer final : public Scorer {
 public:
  AccuracyScorer(const Predictions& predictions, int threads)
      : predictions_(predictions),
        chunks_(predictions.samples(), predictions.classes()),
        threads_(threads_worth(predictions.models() * predictions.samples() * predictions.classes(), threads)),
        glances_(predictions.models() * predictions.samples()),
        sums_(predictions.samples() * predictions.classes(), 0.0),
        rivals_(predictions.samples()) {
    parallel_for(predictions.models(), threads_, [&](std::size_t begin, std::size_t end) {
      std::vector<float> scores(chunks_.rows_at_most() * classes());
      for (std::size_t m = begin; m < end; ++m)
        for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
          const auto [first, rows] = chunks_[chunk];
          predictions.read(m, first, rows, scores.data());
          for (std::size_t row = 0; row < rows; ++row)
            glances_[m * samples() + first + row] =
                glance_at({scores.data() + row * classes(), classes()}, label(first + row));
        }
    });
    find_rivals();
  }

  void clear() override {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    find_rivals();
  }

  void add(std::size_t model) override {
    std::vector<float> scores(chunks_.rows_at_most() * classes());
    for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
      const auto [first, rows] = chunks_[chunk];
      predictions_.read(model, first, rows, scores.data());
      for (std::size_t i = 0; i < rows * classes(); ++i) sums_[first * classes() + i] += double{scores[i]};
    }
    find_rivals();
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    const int threads = threads_worth(models.size() * samples(), threads_);
    parallel_for(models.size(), threads, [&](std::size_t begin, std::size_t end) {
      std::vector<std::size_t> wrong(end - begin, 0);
      std::vector<float> scores(classes());
      // Chunk by chunk, so that the sums of its samples are still in the cache for the next candidate.
      for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
        const auto [first, rows] = chunks_[chunk];
        for (std::size_t k = begin; k < end; ++k)
          for (std::size_t sample = first; sample < first + rows; ++sample)
            wrong[k - begin] += right_with(static_cast<std::size_t>(models[k]), sample, scores) ? 0 : 1;
      }
      for (std::size_t k = begin; k < end; ++k)
        losses[static_cast<std::size_t>(models[k])] = static_cast<double>(wrong[k - begin]) / static_cast<double>(samples());
    });
  }

 private:
  std::size_t samples() const { return predictions_.samples(); }
  std::size_t classes() const { return predictions_.classes(); }
  std::size_t label(std::size_t sample) const { return static_cast<std::size_t>(predictions_.labels()[sample]); }

  bool right_with(std::size_t model, std::size_t sample, std::vector<float>& scores) const {
    const Glance& glance = glances_[model * samples() + sample];
    const Rivals& rivals = rivals_[sample];
    const double* sums = sums_.data() + sample * classes();
    const double of_true = sums[label(sample)] + double{glance.true_class};
    // Sure to be beaten by the highest sum, or by the candidate's likeliest wrong class?
    if (of_true < rivals.sum[0] - kSlack) return false;
    if (classes() > 1 && of_true < sums[glance.wrong_class] + double{glance.best_wrong} - kSlack) return false;

    for (std::size_t k = 0; k <= kRivals; ++k) {
      // Sure to beat this rival and all after it?
      if (of_true > rivals.sum[k] + double{glance.best_wrong} + kSlack) return true;
      if (k == kRivals) break;
      const double rival = rivals.sum[k] + wrong_score(model, sample, rivals.at[k]);
      if (of_true < rival - kSlack) return false;
      if (of_true <= rival + kSlack) break;
    }
    predictions_.read(model, sample, 1, scores.data());
    return answers_right(sums, scores.data(), label(sample));
  }

  double wrong_score(std::size_t model, std::size_t sample, std::int32_t wrong_class) const {
    if (!predictions_.has_probabilities()) {
      const Glance& glance = glances_[model * samples() + sample];
      return glance.wrong_class == wrong_class ? double{glance.best_wrong} : 0.0;
    }
    const std::size_t at = sample * classes() + static_cast<std::size_t>(wrong_class);
    return std::visit([at](const auto* data) { return double{to_float(data[at])}; }, predictions_.raw(model).data);
  }

  // Whether the class of highest sum + score is the true one; of equal classes the lowest answers.
  bool answers_right(const double* sums, const float* scores, std::size_t truth) const {
    const double of_true = sums[truth] + double{scores[truth]};
    bool beaten = false;
    for (std::size_t c = 0; c < truth; ++c) beaten |= sums[c] + double{scores[c]} >= of_true;
    for (std::size_t c = truth + 1; c < classes(); ++c) beaten |= sums[c] + double{scores[c]} > of_true;
    return !beaten;
  }

  void find_rivals() {
    parallel_for(samples(), threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t sample = begin; sample < end; ++sample) {
        Rivals rivals;
        for (std::size_t c = 0; c < classes(); ++c)
          if (c != label(sample)) rivals.insert(sums_[sample * classes() + c], static_cast<std::int32_t>(c));
        rivals_[sample] = rivals;
      }
    });
  }

  const Predictions& predictions_;
  Chunks chunks_;
  int threads_;
  std::vector<Glance> glances_;  // [models, samples]
  std::vector<double> sums_;     // [samples, classes]: over the picks
  std::vector<Rivals> rivals_;   // [samples]
};

}  // namespace

std::unique_ptr<Scorer> make_accuracy_scorer(const Predictions& predictions, int threads) {
  return std::make_unique<AccuracyScorer>(predictions, threads);
}

}  // namespace quorate
