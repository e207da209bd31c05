#include <algorithm>
#include <map>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/chunks.h"
#include "select/cpu.h"
#include "select/error_sums.h"
#include "select/products.h"
#include "select/score_rows.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

// The sum of (a - y) (b - y) over [count] in lanes: the same bits on any processor.
struct DotOfErrors {
  template <int>
  [[gnu::always_inline]] static void run(const double* a, const float* b, const float* targets, std::size_t count,
                                         double* sum) {
    double lanes[kLanes] = {};
    const std::size_t whole = count / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
      double error[kLanes];
      for (std::size_t lane = 0; lane < kLanes; ++lane) error[lane] = double{b[i + lane]};
      if (targets != nullptr)
        for (std::size_t lane = 0; lane < kLanes; ++lane) error[lane] -= double{targets[i + lane]};
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * error[lane];
    }
    for (std::size_t i = whole; i < count; ++i)
      lanes[i - whole] += a[i] * (double{b[i]} - (targets != nullptr ? double{targets[i]} : 0.0));
    for (const double lane : lanes) *sum += lane;
  }

 private:
  static constexpr std::size_t kLanes = 16;
};

// With S the sum of k picks' errors and e a candidate's, as long vectors, the loss of their mean is
//   (S.S + 2 S.e + e.e) / (k + 1)^2 / (weights x outputs).
// S.S is kept in double and common to all candidates; S.e is a sum of products between models. What is asked for exactly is
// put together from products in double of pairs, which are kept, or taken from the sum of the picks' errors: whichever reads
// fewer scores. A greedy that goes on does the latter, a search that goes back and forth among the same models the former.
class SquaresScorer final : public Scorer {
 public:
  explicit SquaresScorer(const Scoring& scoring)
      : predictions_(scoring.predictions),
        weights_(score_weights(scoring)),
        threads_(threads_worth(predictions_.samples() * predictions_.classes() / 4, scoring.threads)),
        products_(is_votes() ? products_of_votes(predictions_, weights_.of, scoring.threads)
                             : products_of_errors(predictions_, weights_.of, scoring.threads)),
        divisor_(weights_.total * (predictions_.has_values() ? static_cast<double>(predictions_.classes()) : 1.0)),
        with_picks_(predictions_.models(), 0.0),
        exact_(predictions_.models()),
        sums_(scoring, weights_) {
    for (std::size_t m = 0; m < predictions_.models(); ++m) {
      longest_ = std::max(longest_, products_.norm[m]);
      largest_ = std::max(largest_, products_(m, m));
    }
  }

  void clear() override {
    std::fill(with_picks_.begin(), with_picks_.end(), 0.0);
    picks_.clear();
    more_.clear();
    picks_with_picks_ = length_of_picks_ = size_ = 0.0;
  }

  void add(std::size_t model) override {
    picks_with_picks_ += exactly_more(model);
    picks_[model] += 1.0;
    more_.clear();
    for (std::size_t m = 0; m < with_picks_.size(); ++m) with_picks_[m] += products_(model, m);
    length_of_picks_ += products_.norm[model];
    size_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    for (const int model : models) {
      const auto m = static_cast<std::size_t>(model);
      losses[m] = loss_of(2.0 * with_picks_[m] + products_(m, m));
    }
  }

  // Products are wrong by up to products_.relative_error norm norm, of which a candidate has two for each pick and one with
  // itself; sums in double add the rest.
  double error() const override {
    const double of_products = products_.relative_error * longest_ * (2.0 * length_of_picks_ + longest_);
    return (of_products / ((size_ + 1.0) * (size_ + 1.0)) + 1e-13 * largest_) / divisor_;
  }

  double exact(std::size_t model) override { return loss_of(exactly_more(model)); }

 private:
  bool is_votes() const { return !predictions_.has_probabilities() && !predictions_.has_values(); }

  double loss_of(double more) const { return (picks_with_picks_ + more) / ((size_ + 1.0) * (size_ + 1.0)) / divisor_; }

  // What one more of a model adds to S.S: 2 S.e + e.e, in double.
  double exactly_more(std::size_t model) {
    if (is_votes()) return 2.0 * with_picks_[model] + products_(model, model);
    if (const auto known = more_.find(model); known != more_.end()) return known->second;
    // Passes over a model's scores that products of pairs would take, and have taken since the sum was last used: when they
    // are more than bringing the sum up to date takes, it is worth it.
    const std::size_t passes = unknown(model).size();
    double more = 0.0;
    if (passes > 2 && passes_spent_ + passes > sums_.passes_to(picks_) + 2) {
      passes_spent_ = 0;
      sums_.hold(picks_);
      // The first that is asked for is as a rule the next pick.
      const auto [with_sum, with_itself] = more_.empty() ? sums_.add(model) : sums_.with(model);
      more = 2.0 * with_sum + with_itself;
    } else {
      passes_spent_ += passes;
      find_exact(model);
      more = exact_[model].at(model);
      for (const auto& [pick, count] : picks_) more += 2.0 * count * exact_[model].at(pick);
    }
    return more_[model] = more;
  }

  // Whose products with a model would have to be found: of itself and the picks.
  std::vector<std::size_t> unknown(std::size_t model) const {
    std::vector<std::size_t> others;
    if (!exact_[model].contains(model)) others.push_back(model);
    for (const auto& [pick, count] : picks_)
      if (pick != model && !exact_[model].contains(pick)) others.push_back(pick);
    return others;
  }

  void find_exact(std::size_t model) {
    const std::vector<std::size_t> others = unknown(model);
    if (others.empty()) return;
    const Chunks chunks(predictions_.samples(), predictions_.classes());
    std::vector<double> sums(chunks.count() * others.size(), 0.0);
    parallel_for(chunks.count(), threads_, [&](std::size_t begin, std::size_t end) {
      ScoreReader read(predictions_, Pooling::kMean);
      std::vector<double> errors(chunks.rows_at_most() * predictions_.classes());
      for (std::size_t chunk = begin; chunk < end; ++chunk) {
        const auto [first, rows] = chunks[chunk];
        find_weighted_errors(read(model, first, rows), first, rows, errors);
        for (std::size_t k = 0; k < others.size(); ++k)
          sums[chunk * others.size() + k] = dot(errors, read(others[k], first, rows), first, rows);
      }
    });
    for (std::size_t k = 0; k < others.size(); ++k) {
      double sum = 0.0;
      for (std::size_t chunk = 0; chunk < chunks.count(); ++chunk) sum += sums[chunk * others.size() + k];
      exact_[model][others[k]] = exact_[others[k]][model] = sum;
    }
  }

  void find_weighted_errors(const float* scores, std::size_t first, std::size_t rows, std::vector<double>& errors) const {
    const std::size_t classes = predictions_.classes();
    std::copy_n(scores, rows * classes, errors.begin());
    if (const float* targets = targets_of(first))
      for (std::size_t i = 0; i < rows * classes; ++i) errors[i] -= double{targets[i]};
    else
      for (std::size_t row = 0; row < rows; ++row) errors[row * classes + label(first + row)] -= 1.0;
    if (weights_.alike) return;
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t c = 0; c < classes; ++c) errors[row * classes + c] *= weights_.of[first + row];
  }

  // At the true classes the other's error is p - 1: what is left after the product with p.
  double dot(const std::vector<double>& errors, const float* scores, std::size_t first, std::size_t rows) const {
    double sum = 0.0;
    run_unfused<DotOfErrors>(errors.data(), scores, targets_of(first), rows * predictions_.classes(), &sum);
    if (!predictions_.has_values())
      for (std::size_t row = 0; row < rows; ++row) sum -= errors[row * predictions_.classes() + label(first + row)];
    return sum;
  }

  const float* targets_of(std::size_t sample) const {
    return predictions_.has_values() ? predictions_.targets().data() + sample * predictions_.classes() : nullptr;
  }
  std::size_t label(std::size_t sample) const { return static_cast<std::size_t>(predictions_.labels()[sample]); }

  const Predictions& predictions_;
  ScoreWeights weights_;
  int threads_;
  Products products_;
  double divisor_;
  double longest_ = 0.0;                              // of products_.norm
  double largest_ = 0.0;                              // e.e
  std::vector<double> with_picks_;                    // [models]: S.e
  std::vector<std::map<std::size_t, double>> exact_;  // [models]: products with others, in double
  ErrorSums sums_;
  std::size_t passes_spent_ = 0;
  ErrorSums::Picks picks_;
  std::map<std::size_t, double> more_;  // what exactly_more() has found for these picks
  double picks_with_picks_ = 0.0;       // S.S
  double length_of_picks_ = 0.0;        // the sum of their norms
  double size_ = 0.0;                   // how many picks
};

}  // namespace

std::unique_ptr<Scorer> make_squares_scorer(const Scoring& scoring) { return std::make_unique<SquaresScorer>(scoring); }

}  // namespace quorate
