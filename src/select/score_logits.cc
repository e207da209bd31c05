#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/cpu.h"
#include "select/score_rows.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = 8;

// A sample's softmax: p[c] = exponentials[c] / sum.
struct Softmax {
  double sum = 0.0;
  double squares = 0.0;  // of the exponentials
  double truth = 0.0;    // the true class's exponential
};

// Of each row of (sums + scores) / size, [rows, classes]. exp(x) = 2^k e^r with |r| <= log(2) / 2, x from -700 to 0; the
// series of e^r is cut after r^13 / 13!, so that it lacks less than 1.1 r^14 / 14! < 5e-18.
struct FindSoftmax {
  template <int>
  [[gnu::always_inline]] static void run(const double* sums, const float* scores, std::size_t rows, std::size_t classes,
                                         double size, const std::int32_t* labels, double* __restrict row_of,
                                         Softmax* found) {
    for (std::size_t row = 0; row < rows; ++row, sums += classes, scores += classes) {
      double most[kLanes], sum[kLanes] = {}, squares[kLanes] = {};
      for (std::size_t lane = 0; lane < kLanes; ++lane) most[lane] = -1e300;
      const std::size_t padded = (classes + kLanes - 1) / kLanes * kLanes;
      for (std::size_t c = 0; c < classes; ++c) row_of[c] = (sums[c] + double{scores[c]}) / size;
      for (std::size_t c = classes; c < padded; ++c) row_of[c] = -1e300;
      for (std::size_t c = 0; c < padded; c += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
          most[lane] = row_of[c + lane] > most[lane] ? row_of[c + lane] : most[lane];
      double highest = most[0];
      for (const double value : most) highest = value > highest ? value : highest;
      for (std::size_t c = 0; c < padded; c += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const double below = row_of[c + lane] - highest;
          const double x = below < -700.0 ? -700.0 : below;           // e^-700 adds nothing
          const double shifted = x * 0x1.71547652b82fep0 + 0x1.8p52;  // the low bits hold k, the whole number nearest to it
          const double k = shifted - 0x1.8p52;
          const double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
          double series = 1.0;
          for (int power = 13; power > 0; --power) series = 1.0 + series * r * (1.0 / power);
          const double scale = std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) << 52) + 0x3ff0000000000000u);
          const double value = series * scale;
          row_of[c + lane] = value;
          sum[lane] += value;
          squares[lane] += value * value;
        }
      Softmax result;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        result.sum += sum[lane];
        result.squares += squares[lane];
      }
      result.truth = row_of[labels[row]];
      found[row] = result;
    }
  }
};

// The softmax of mean logarithms: each candidate's whole prediction, every time.
class LogitsScorer final : public Scorer {
 public:
  explicit LogitsScorer(const Scoring& scoring)
      : predictions_(scoring.predictions),
        log_loss_(scoring.metric == Metric::kLogLoss),
        weights_(score_weights(scoring)),
        chunks_(predictions_.samples(), predictions_.classes()),
        threads_(scoring.threads),
        sums_(predictions_.samples() * predictions_.classes(), 0.0) {}

  void clear() override {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    picks_ = 0.0;
  }

  void add(std::size_t model) override {
    ScoreReader read(predictions_, Pooling::kLogits);
    const std::size_t classes = predictions_.classes();
    for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
      const auto [first, rows] = chunks_[chunk];
      const float* scores = read(model, first, rows);
      for (std::size_t i = 0; i < rows * classes; ++i) sums_[first * classes + i] += double{scores[i]};
    }
    picks_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    const std::size_t scores = models.size() * sums_.size();
    parallel_for(models.size(), threads_worth(scores, threads_), [&](std::size_t begin, std::size_t end) {
      ScoreReader read(predictions_, Pooling::kLogits);
      std::vector<double> row(predictions_.classes() + kLanes);
      std::vector<Softmax> found(chunks_.rows_at_most());
      for (const int model : models.subspan(begin, end - begin)) {
        const auto m = static_cast<std::size_t>(model);
        double sum = 0.0;
        for (std::size_t chunk = 0; chunk < chunks_.count(); ++chunk) {
          const auto [first, rows] = chunks_[chunk];
          run_widest<FindSoftmax>(static_cast<const double*>(sums_.data() + first * predictions_.classes()),
                                  read(m, first, rows), rows, predictions_.classes(), picks_ + 1.0,
                                  predictions_.labels().data() + first, row.data(), found.data());
          for (std::size_t i = 0; i < rows; ++i) sum += weights_.of[first + i] * loss_of(found[i]);
        }
        losses[m] = sum / weights_.total;
      }
    });
  }

  // Logarithms are at most 35 and their mean is wrong by (picks + 2) units in the last place, which is the relative error of
  // an exponential and, with a few units more, of a share and of its logarithm.
  double error() const override {
    const double samples = static_cast<double>(predictions_.samples());
    return 0x1p-52 * (40.0 * (picks_ + 8.0) + 40.0 * samples + static_cast<double>(predictions_.classes()));
  }

  double exact(std::size_t model) override {
    ScoreReader read(predictions_, Pooling::kLogits);
    const std::size_t classes = predictions_.classes();
    std::vector<double> scores(classes);
    double total = 0.0;
    for (std::size_t i = 0; i < predictions_.samples(); ++i) {
      const float* own = read(model, i, 1);
      for (std::size_t c = 0; c < classes; ++c) scores[c] = (sums_[i * classes + c] + double{own[c]}) / (picks_ + 1.0);
      const double highest = *std::max_element(scores.begin(), scores.end());
      Softmax softmax;
      for (double& score : scores) {
        score = std::exp(score - highest);
        softmax.sum += score;
        softmax.squares += score * score;
      }
      softmax.truth = scores[static_cast<std::size_t>(predictions_.labels()[i])];
      total += weights_.of[i] * loss_of(softmax);
    }
    return total / weights_.total;
  }

 private:
  double loss_of(const Softmax& softmax) const {
    const double truth = softmax.truth / softmax.sum;
    if (log_loss_) return -std::log(std::clamp(truth, kLeastProbability, 1.0));
    return softmax.squares / (softmax.sum * softmax.sum) - 2.0 * truth + 1.0;
  }

  const Predictions& predictions_;  // logarithms
  bool log_loss_;
  ScoreWeights weights_;
  Chunks chunks_;
  int threads_;
  std::vector<double> sums_;  // [samples, classes]: over the picks
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_logits_scorer(const Scoring& scoring) { return std::make_unique<LogitsScorer>(scoring); }

}  // namespace quorate
