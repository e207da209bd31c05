#include <algorithm>
#include <cmath>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/scorer.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = 8;  // independent products, which the compiler keeps in vector registers
// Factors multiplied before one logarithm is taken of them: sums of n picks lie in [1e-15 n, n], so that the product stays
// within double's range for any n up to 2^62.
constexpr std::size_t kFactors = 16;

// The sum over samples of log(clamp(sums[i] + column[i])), in an order that depends on the number of samples alone.
double sum_of_logs(std::span<const double> sums, std::span<const float> column, double least, double most) {
  const auto term = [&](std::size_t i) { return std::min(std::max(sums[i] + double{column[i]}, least), most); };
  constexpr std::size_t kBlock = kLanes * kFactors;
  const std::size_t whole = sums.size() / kBlock * kBlock;
  double total = 0.0;
  for (std::size_t block = 0; block < whole; block += kBlock) {
    double product[kLanes];
    std::fill_n(product, kLanes, 1.0);
    for (std::size_t i = block; i < block + kBlock; i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) product[lane] *= term(i + lane);
    for (const double factor : product) total += std::log(factor);
  }
  for (std::size_t i = whole; i < sums.size(); ++i) total += std::log(term(i));
  return total;
}

class LogLossScorer final : public Scorer {
 public:
  LogLossScorer(const Predictions& predictions, int threads)
      : samples_(predictions.samples()), columns_(predictions.models() * samples_), sums_(samples_, 0.0), threads_(threads) {
    parallel_for(predictions.models(), threads_worth(columns_.size(), threads), [&](std::size_t begin, std::size_t end) {
      for (std::size_t m = begin; m < end; ++m) predictions.read_true_class(m, {columns_.data() + m * samples_, samples_});
    });
  }

  void clear() override {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    picks_ = 0.0;
  }

  void add(std::size_t model) override {
    const auto added = column(model);
    for (std::size_t i = 0; i < samples_; ++i) sums_[i] += double{added[i]};
    picks_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    const double size = picks_ + 1.0;
    parallel_for(models.size(), threads_worth(models.size() * samples_, threads_), [&](std::size_t begin, std::size_t end) {
      for (const int model : models.subspan(begin, end - begin)) {
        const auto m = static_cast<std::size_t>(model);
        losses[m] =
            std::log(size) - sum_of_logs(sums_, column(m), kLeastProbability * size, size) / static_cast<double>(samples_);
      }
    });
  }

 private:
  std::span<const float> column(std::size_t model) const { return {columns_.data() + model * samples_, samples_}; }

  std::size_t samples_;
  std::vector<float> columns_;  // [models, samples]: the probability of the true class
  std::vector<double> sums_;    // [samples]: over the picks
  double picks_ = 0.0;
  int threads_;
};

}  // namespace

std::unique_ptr<Scorer> make_log_loss_scorer(const Predictions& predictions, int threads) {
  return std::make_unique<LogLossScorer>(predictions, threads);
}

}  // namespace quorate
