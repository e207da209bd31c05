#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/cpu.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = 32;  // independent products; columns are padded to a multiple with factors of 1
constexpr std::size_t kFactors = 16;
constexpr std::uint64_t kExponent = 0x7ff0000000000000u;
constexpr std::uint64_t kOne = 0x3ff0000000000000u;

// What a candidate's logarithms are of: clamp(sums[i] + column[i]), i in [0, count).
struct Terms {
  const double* sums;
  const float* column;
  std::size_t count;  // a multiple of kLanes
  double least;
  double most;
};

[[gnu::always_inline]] inline void take_terms(const Terms& terms, std::size_t first, double* __restrict term) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const double value = terms.sums[first + lane] + double{terms.column[first + lane]};
    const double raised = value > terms.least ? value : terms.least;
    term[lane] = raised < terms.most ? raised : terms.most;
  }
}

// One logarithm for all terms: of their product, kept as mantissas in [1, 2) and whole exponents. Terms lie in
// [1e-15 n, n] for n picks, so that kFactors of them and a mantissa stay within double's range for any n up to 2^62.
struct LogOfProduct {
  template <int>
  [[gnu::always_inline]] static void run(const Terms& terms, const double*, double* result) {
    alignas(64) double product[kLanes], term[kLanes];
    alignas(64) std::uint64_t exponents[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) product[lane] = 1.0, exponents[lane] = 0;
    for (std::size_t block = 0; block < terms.count; block += kLanes * kFactors) {
      const std::size_t end = std::min(terms.count, block + kLanes * kFactors);
      for (std::size_t i = block; i < end; i += kLanes) {
        take_terms(terms, i, term);
        for (std::size_t lane = 0; lane < kLanes; ++lane) product[lane] *= term[lane];
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const auto bits = std::bit_cast<std::uint64_t>(product[lane]);
        exponents[lane] += (bits >> 52) - 1023;
        product[lane] = std::bit_cast<double>((bits & ~kExponent) | kOne);
      }
    }
    double mantissa = 1.0;
    std::int64_t exponent = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      mantissa *= product[lane];
      exponent += static_cast<std::int64_t>(exponents[lane]);
    }
    *result = static_cast<double>(exponent) * 0.69314718055994530942 + std::log(mantissa);
  }
};

// The weighted sum of logarithms: log(2^e m) = e log 2 + 2 (s + s^3/3 + ...), s = (m - 1) / (m + 1), with m in [0.7, 1.42],
// so that |s| < 0.1766 and the series cut after s^21 lacks less than 2 s^23 / (23 (1 - s^2)) < 5e-19.
struct WeightedLogs {
  template <int>
  [[gnu::always_inline]] static void run(const Terms& terms, const double* weights, double* result) {
    alignas(64) double sum[kLanes], term[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) sum[lane] = 0.0;
    for (std::size_t i = 0; i < terms.count; i += kLanes) {
      take_terms(terms, i, term);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        // Moving 0.7's distance to 1 into the exponent cuts [0.7, 1.4) out at every power of two.
        const std::uint64_t bits = std::bit_cast<std::uint64_t>(term[lane]) + (kOne - 0x3fe6666666666666u);
        const double exponent = std::bit_cast<double>((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023.0);
        const double m = std::bit_cast<double>((bits & ~kExponent) + 0x3fe6666666666666u);
        const double s = (m - 1.0) / (m + 1.0), square = s * s;
        double series = 1.0 / 21.0;
        for (int odd = 19; odd > 0; odd -= 2) series = series * square + 1.0 / odd;
        sum[lane] += weights[i + lane] * (exponent * 0.69314718055994530942 + 2.0 * s * series);
      }
    }
    *result = 0.0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) *result += sum[lane];
  }
};

class LogLossScorer final : public Scorer {
 public:
  explicit LogLossScorer(const Scoring& scoring)
      : samples_(scoring.predictions.samples()),
        padded_((samples_ + kLanes - 1) / kLanes * kLanes),
        columns_(scoring.predictions.models() * padded_),
        sums_(padded_),
        weights_(score_weights(scoring)),
        threads_(scoring.threads) {
    weights_.of.resize(padded_, 0.0);
    clear();
    const Predictions& predictions = scoring.predictions;
    parallel_for(predictions.models(), threads_worth(columns_.size(), threads_), [&](std::size_t begin, std::size_t end) {
      for (std::size_t m = begin; m < end; ++m) predictions.read_true_class(m, {columns_.data() + m * padded_, samples_});
    });
  }

  void clear() override {
    std::fill_n(sums_.begin(), samples_, 0.0);
    std::fill(sums_.begin() + static_cast<std::ptrdiff_t>(samples_), sums_.end(), 1.0);  // columns add 0 to it
    picks_ = 0.0;
  }

  void add(std::size_t model) override {
    const float* added = column(model);
    for (std::size_t i = 0; i < samples_; ++i) sums_[i] += double{added[i]};
    picks_ += 1.0;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    const double size = picks_ + 1.0;
    const int threads = threads_worth(models.size() * padded_ / (weights_.alike ? 8 : 2), threads_);
    parallel_for(models.size(), threads, [&](std::size_t begin, std::size_t end) {
      for (const int model : models.subspan(begin, end - begin)) {
        const auto m = static_cast<std::size_t>(model);
        const Terms terms{sums_.data(), column(m), padded_, kLeastProbability * size, size};
        double logs = 0.0;
        if (weights_.alike)
          run_widest<LogOfProduct>(terms, static_cast<const double*>(nullptr), &logs);
        else
          run_widest<WeightedLogs>(terms, static_cast<const double*>(weights_.of.data()), &logs);
        losses[m] = std::log(size) - logs / weights_.total;
      }
    });
  }

  // With u = 2^-53: a term is a sum of `picks` + 1 positive numbers, wrong by a factor within (1 + u)^(picks + 2), clamping
  // included, and each is multiplied once, or its logarithm, at most 39 + log(picks + 1), is summed with relative errors of
  // a few u a term. In the mean over samples that is within (picks + 4) u + 64 u |log|, doubled here for second-order terms;
  // sums of weights add a factor of (1 + samples / lanes u) of the same.
  double error() const override {
    const double longest = static_cast<double>(padded_) / static_cast<double>(kLanes) + 64.0;
    return 0x1p-52 * (picks_ + 4.0 + (weights_.alike ? 64.0 : longest) * (40.0 + std::log(picks_ + 1.0)));
  }

  double exact(std::size_t model) override {
    const double size = picks_ + 1.0;
    const float* with = column(model);
    double sum = 0.0;
    for (std::size_t i = 0; i < samples_; ++i)
      sum -= weights_.of[i] * std::log(std::clamp((sums_[i] + double{with[i]}) / size, kLeastProbability, 1.0));
    return sum / weights_.total;
  }

 private:
  const float* column(std::size_t model) const { return columns_.data() + model * padded_; }

  std::size_t samples_;
  std::size_t padded_;
  std::vector<float> columns_;  // [models, padded]: the score of the true class
  std::vector<double> sums_;    // [padded]: over the picks
  ScoreWeights weights_;
  int threads_;
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_log_loss_scorer(const Scoring& scoring) { return std::make_unique<LogLossScorer>(scoring); }

}  // namespace quorate
