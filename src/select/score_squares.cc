#include <algorithm>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/cpu.h"
#include "select/products.h"
#include "select/score_rows.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

// What a candidate's errors add to sums of squares.
struct Sums {
  double with_picks = 0.0;   // S.e
  double with_itself = 0.0;  // e.e
};

// Of e = scores - targets (null: 0), in lanes: the same bits on any processor. Then, where asked for, s += e.
struct AddSums {
  template <int>
  [[gnu::always_inline]] static void run(const float* scores, const float* targets, std::size_t count, bool add,
                                         double* __restrict s, Sums* sums) {
    double se[kLanes] = {}, ee[kLanes] = {}, e[kLanes];
    const std::size_t whole = count / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) e[lane] = double{scores[i + lane]};
      if (targets != nullptr)
        for (std::size_t lane = 0; lane < kLanes; ++lane) e[lane] -= double{targets[i + lane]};
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        se[lane] += s[i + lane] * e[lane];
        ee[lane] += e[lane] * e[lane];
      }
      if (add)
        for (std::size_t lane = 0; lane < kLanes; ++lane) s[i + lane] += e[lane];
    }
    for (std::size_t i = whole; i < count; ++i) {
      const double rest = double{scores[i]} - (targets != nullptr ? double{targets[i]} : 0.0);
      se[i - whole] += s[i] * rest;
      ee[i - whole] += rest * rest;
      if (add) s[i] += rest;
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums->with_picks += se[lane];
      sums->with_itself += ee[lane];
    }
  }

 private:
  static constexpr std::size_t kLanes = 16;
};

// With S the sum of k picks' errors and e a candidate's, as long vectors, the loss of their mean is
//   (S.S + 2 S.e + e.e) / (k + 1)^2 / (weights x outputs).
// S.S is kept in double and common to all candidates; S.e is a sum of products between models.
class SquaresScorer final : public Scorer {
 public:
  explicit SquaresScorer(const Scoring& scoring)
      : predictions_(scoring.predictions),
        weights_(score_weights(scoring)),
        chunks_(predictions_.samples(), predictions_.classes()),
        threads_(threads_worth(predictions_.samples() * predictions_.classes(), scoring.threads)),
        votes_(!predictions_.has_probabilities() && !predictions_.has_values()),
        products_(votes_ ? products_of_votes(predictions_, weights_.of, scoring.threads)
                         : products_of_errors(predictions_, weights_.of, scoring.threads)),
        divisor_(weights_.total * (predictions_.has_values() ? static_cast<double>(predictions_.classes()) : 1.0)),
        sums_(votes_ ? 0 : predictions_.samples() * predictions_.classes(), 0.0),
        with_picks_(predictions_.models(), 0.0) {
    for (std::size_t m = 0; m < predictions_.models(); ++m) {
      longest_ = std::max(longest_, products_.norm[m]);
      largest_ = std::max(largest_, products_(m, m));
    }
  }

  void clear() override {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(with_picks_.begin(), with_picks_.end(), 0.0);
    picks_with_picks_ = length_of_picks_ = picks_ = 0.0;
  }

  void add(std::size_t model) override {
    const auto [with_picks, with_itself] = votes_ ? Sums{with_picks_[model], products_(model, model)} : sums(model, true);
    picks_with_picks_ += 2.0 * with_picks + with_itself;
    for (std::size_t m = 0; m < with_picks_.size(); ++m) with_picks_[m] += products_(model, m);
    length_of_picks_ += products_.norm[model];
    picks_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    for (const int model : models) {
      const auto m = static_cast<std::size_t>(model);
      losses[m] = loss_of(with_picks_[m], products_(m, m));
    }
  }

  // Products are wrong by up to products_.relative_error norm norm, of which a candidate has two for each pick and one with
  // itself; sums in double add the rest.
  double error() const override {
    const double size = picks_ + 1.0;
    const double of_products = products_.relative_error * longest_ * (2.0 * length_of_picks_ + longest_) / (size * size);
    return (of_products + 1e-13 * largest_) / divisor_;
  }

  double exact(std::size_t model) override {
    if (votes_) return loss_of(with_picks_[model], products_(model, model));
    const auto [with_picks, with_itself] = sums(model, false);
    return loss_of(with_picks, with_itself);
  }

 private:
  double loss_of(double with_picks, double with_itself) const {
    const double size = picks_ + 1.0;
    return (picks_with_picks_ + 2.0 * with_picks + with_itself) / (size * size) / divisor_;
  }

  // In double, from the scores; then, where asked for, S += e.
  Sums sums(std::size_t model, bool add) {
    std::vector<Sums> of_chunk(chunks_.count());
    parallel_for(chunks_.count(), threads_, [&](std::size_t begin, std::size_t end) {
      ScoreReader read(predictions_, Pooling::kMean);
      for (std::size_t chunk = begin; chunk < end; ++chunk) {
        const auto [first, rows] = chunks_[chunk];
        const float* scores = read(model, first, rows);
        if (weights_.alike) {
          of_chunk[chunk] = sums_of_rows(scores, first, rows, add);
          continue;
        }
        for (std::size_t row = 0; row < rows; ++row) {
          const Sums of_row = sums_of_rows(scores + row * predictions_.classes(), first + row, 1, add);
          of_chunk[chunk].with_picks += weights_.of[first + row] * of_row.with_picks;
          of_chunk[chunk].with_itself += weights_.of[first + row] * of_row.with_itself;
        }
      }
    });
    Sums total;
    for (const Sums& part : of_chunk) {
      total.with_picks += part.with_picks;
      total.with_itself += part.with_itself;
    }
    return total;
  }

  Sums sums_of_rows(const float* scores, std::size_t first, std::size_t rows, bool add) {
    const std::size_t classes = predictions_.classes();
    double* s = sums_.data() + first * classes;
    const float* targets = predictions_.has_values() ? predictions_.targets().data() + first * classes : nullptr;
    // The true classes' own part: S (p - 1) = S p - S, and (p - 1)^2 = p^2 - 2 p + 1.
    Sums sums;
    if (targets == nullptr)
      for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t at = row * classes + static_cast<std::size_t>(predictions_.labels()[first + row]);
        sums.with_picks -= s[at];
        sums.with_itself += 1.0 - 2.0 * double{scores[at]};
      }
    run_unfused<AddSums>(scores, targets, rows * classes, add, s, &sums);
    if (targets == nullptr && add)
      for (std::size_t row = 0; row < rows; ++row)
        s[row * classes + static_cast<std::size_t>(predictions_.labels()[first + row])] -= 1.0;
    return sums;
  }

  const Predictions& predictions_;
  ScoreWeights weights_;
  Chunks chunks_;
  int threads_;
  bool votes_;
  Products products_;
  double divisor_;
  double longest_ = 0.0;            // of products_.norm
  double largest_ = 0.0;            // e.e
  std::vector<double> sums_;        // [samples, classes]: S
  std::vector<double> with_picks_;  // [models]: S.e
  double picks_with_picks_ = 0.0;   // S.S
  double length_of_picks_ = 0.0;    // the sum of their norms
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_squares_scorer(const Scoring& scoring) { return std::make_unique<SquaresScorer>(scoring); }

}  // namespace quorate
