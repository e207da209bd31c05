#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/cpu.h"
#include "select/line_vector.h"
#include "select/log_terms.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = kLogLanes<double>;
constexpr std::size_t kRoughLanes = kLogLanes<float>;
constexpr std::size_t kAtOnce = 4;  // candidates scored before it is looked which others may still be the least
constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
constexpr double kExact = 1e-12;  // losses so far apart count as equal; see rounding_of()

// The least and the most of values.
struct Extent {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

Extent extent_of(std::span<const float> values) {
  Extent extent;
  float least[kLanes], most[kLanes];
  std::fill_n(least, kLanes, values.front());
  std::fill_n(most, kLanes, values.front());
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      least[lane] = values[i + lane] < least[lane] ? values[i + lane] : least[lane];
      most[lane] = values[i + lane] > most[lane] ? values[i + lane] : most[lane];
    }
  for (; i < values.size(); ++i) extent.add(double{values[i]});
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    extent.add(double{least[lane]});
    extent.add(double{most[lane]});
  }
  return extent;
}

// sums += times column, also rounded; the extent of the sums, count being a multiple of kLanes. A float times a small whole
// number is exact in double.
struct AddColumn {
  template <int>
  [[gnu::always_inline]] static void run(const float* column, double times, std::size_t count, double* __restrict sums,
                                         float* __restrict rounded, Extent* extent) {
    alignas(64) double least[kLanes], most[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) least[lane] = extent->least, most[lane] = extent->most;
    for (std::size_t i = 0; i < count; i += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double sum = sums[i + lane] + times * double{column[i + lane]};
        sums[i + lane] = sum;
        rounded[i + lane] = static_cast<float>(sum);
        least[lane] = sum < least[lane] ? sum : least[lane];
        most[lane] = sum > most[lane] ? sum : most[lane];
      }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      extent->add(least[lane]);
      extent->add(most[lane]);
    }
  }
};

class LogLossScorer final : public Scorer {
 public:
  explicit LogLossScorer(const Scoring& scoring)
      : samples_(scoring.predictions.samples()),
        padded_((samples_ + kRoughLanes - 1) / kRoughLanes * kRoughLanes),
        columns_(scoring.predictions.models() * padded_),
        totals_(scoring.predictions.models()),
        gains_(scoring.predictions.models()),
        extents_(scoring.predictions.models()),
        sums_(padded_),
        rounded_(padded_),
        weights_(score_weights(scoring)),
        threads_(scoring.threads) {
    weights_.of.resize(padded_, 0.0);
    clear();
    const Predictions& predictions = scoring.predictions;
    parallel_for(predictions.models(), threads_worth(columns_.size(), threads_), [&](std::size_t begin, std::size_t end) {
      for (std::size_t m = begin; m < end; ++m) {
        float* own = columns_.data() + m * padded_;
        predictions.read_true_class(m, {own, samples_});
        extents_[m] = extent_of({own, samples_});
      }
    });
  }

  void clear() override {
    std::fill_n(sums_.begin(), samples_, 0.0);
    std::fill(sums_.begin() + static_cast<std::ptrdiff_t>(samples_), sums_.end(), 1.0);  // columns add 0 to it
    std::fill(rounded_.begin(), rounded_.end(), 0.0f);
    std::fill(rounded_.begin() + static_cast<std::ptrdiff_t>(samples_), rounded_.end(), 1.0f);
    extent_ = {0.0, 0.0};
    picks_ = 0.0;
    to_add_.clear();
    base_ = kNotKnown;
    std::fill(totals_.begin(), totals_.end(), kNotKnown);
    std::fill(gains_.begin(), gains_.end(), std::numeric_limits<double>::infinity());
  }

  void add(std::size_t model) override {
    base_ = totals_[model];
    std::fill(totals_.begin(), totals_.end(), kNotKnown);
    picks_ += 1.0;
    for (auto& [other, times] : to_add_)
      if (other == static_cast<int>(model)) {
        times += 1.0;
        return;
      }
    to_add_.push_back({static_cast<int>(model), 1.0});
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    settle();
    const int threads = threads_worth(models.size() * padded_ / (weights_.alike ? 8 : 2), threads_);
    parallel_for(models.size(), threads, [&](std::size_t begin, std::size_t end) {
      const std::span<const int> some = models.subspan(begin, end - begin);
      const std::vector<double> logs = weights_.alike ? rough_sums_of_logs(some) : weighted_sums_of_logs(some);
      for (std::size_t k = 0; k < some.size(); ++k) {
        const auto m = static_cast<std::size_t>(some[k]);
        losses[m] = loss_of(logs[k]);
        totals_[m] = is_within(some[k]) ? logs[k] : kNotKnown;
        if (totals_[m] - base_ < gains_[m]) gains_[m] = totals_[m] - base_;
      }
    });
  }

  // What a model adds to the sum of the logarithms, each of log(s + c) - log(s), falls as s grows with the picks: what it
  // added when it was last scored bounds what it adds now (Minoux 1978), where neither is clamped. Four totals that are
  // known within error() are compared; what a tie may differ by is far less than the rest of the slack.
  std::vector<int> score_least(std::span<const int> models, std::span<double> losses) override {
    if (!weights_.alike || std::isnan(base_)) return Scorer::score_least(models, losses);
    settle();
    std::vector<std::pair<double, int>> bounds;  // of totals, negative
    for (const int m : models)
      bounds.emplace_back(
          is_within(m) ? -base_ - gains_[static_cast<std::size_t>(m)] : -std::numeric_limits<double>::infinity(), m);
    std::sort(bounds.begin(), bounds.end());
    const double slack = 8.0 * error() * weights_.total;
    double most = -std::numeric_limits<double>::infinity();
    std::vector<int> scored, some;
    for (std::size_t next = 0; next < bounds.size() && -bounds[next].first >= most - slack;) {
      some.clear();
      for (; next < bounds.size() && some.size() < kAtOnce && -bounds[next].first >= most - slack; ++next)
        some.push_back(bounds[next].second);
      score(some, losses);
      for (const int m : some)
        most = std::max(most, (std::log(picks_ + 1.0) - losses[static_cast<std::size_t>(m)]) * weights_.total);
      scored.insert(scored.end(), some.begin(), some.end());
    }
    std::sort(scored.begin(), scored.end());
    return scored;
  }

  // With u = 2^-24: a term is a sum rounded, the column's number, and their sum, and is multiplied once, so that its
  // logarithm is within 3.01 u; doubled here.
  double error() const override { return weights_.alike ? 6.02 * 0x1p-24 + error_in_double() : error_in_double(); }

  double exact(std::size_t model) override {
    settle();
    const int only = static_cast<int>(model);
    const double loss = loss_of(weights_.alike ? sum_of_logs(only) : weighted_sums_of_logs({&only, 1})[0]);
    if (error_in_double() <= 0.5 * kExact * (1.0 + loss)) return loss;
    const double size = picks_ + 1.0;
    const float* with = column(only);
    double sum = 0.0;
    for (std::size_t i = 0; i < samples_; ++i)
      sum -= weights_.of[i] * std::log(std::clamp((sums_[i] + double{with[i]}) / size, kLeastProbability, 1.0));
    return sum / weights_.total;
  }

 private:
  const float* column(int model) const { return columns_.data() + static_cast<std::size_t>(model) * padded_; }

  // All of a model's. They lie in [1e-15 n, n] for n picks, so that 16 of them and a mantissa stay within double's range for
  // any n up to 2^62.
  LogTerms<double> terms(int model) const {
    const double size = picks_ + 1.0;
    return {sums_.data(), column(model), padded_, 16, kLeastProbability * size, size};
  }

  // Whether clamping changes no term.
  bool is_within(int model) const {
    const Extent& own = extents_[static_cast<std::size_t>(model)];
    const LogTerms<double> limits = terms(model);
    return extent_.least + own.least >= limits.least && extent_.most + own.most <= limits.most;
  }

  void settle() {
    for (const auto& [model, times] : to_add_) {
      extent_ = {};
      run_widest<AddColumn>(column(model), times, padded_, sums_.data(), rounded_.data(), &extent_);
    }
    to_add_.clear();
  }

  double loss_of(double sum_of_logs) const { return std::log(picks_ + 1.0) - sum_of_logs / weights_.total; }

  // With u = 2^-53: a term is a sum of `picks` + 1 positive numbers, wrong by a factor within (1 + u)^(picks + 2), clamping
  // included, and each is multiplied once, or its logarithm, at most 39 + log(picks + 1), is summed with relative errors of
  // a few u a term. In the mean over samples that is within (picks + 4) u + 64 u |log|, doubled here for second-order terms;
  // sums of weights add a factor of (1 + samples / lanes u) of the same.
  double error_in_double() const {
    const double longest = static_cast<double>(padded_) / static_cast<double>(kLanes) + 64.0;
    return 0x1p-52 * (picks_ + 4.0 + (weights_.alike ? 64.0 : longest) * (40.0 + std::log(picks_ + 1.0)));
  }

  double sum_of_logs(int model) const {
    LogProduct<double> product;
    if (is_within(model))
      run_widest<MultiplyTerms<double, false>>(terms(model), &product);
    else
      run_widest<MultiplyTerms<double, true>>(terms(model), &product);
    return product.log();
  }

  // How many terms may be multiplied in float: of least and most l and m, l^n and 2 m^n stay away from the ends of its
  // range. 0 where terms are clamped.
  std::size_t rough_factors(int model) const {
    if (!is_within(model)) return 0;
    const Extent& own = extents_[static_cast<std::size_t>(model)];
    const int least = std::ilogb(extent_.least + own.least), most = std::ilogb(extent_.most + own.most) + 1;
    int factors = 16;
    while (factors > 1 && (factors * least < -120 || factors * most > 120)) factors /= 2;
    return static_cast<std::size_t>(factors);
  }

  // Block by block, each of whose sums stay in the first cache for all models.
  std::vector<double> rough_sums_of_logs(std::span<const int> models) const {
    constexpr std::size_t kBlock = 64 * kRoughLanes;
    std::vector<LogProduct<float>> products(models.size());
    std::vector<std::size_t> factors;
    for (const int model : models) factors.push_back(rough_factors(model));
    for (std::size_t first = 0; first < padded_; first += kBlock)
      for (std::size_t k = 0; k < models.size(); ++k)
        if (factors[k] > 0)
          run_widest<MultiplyTerms<float, false>>(LogTerms<float>{rounded_.data() + first, column(models[k]) + first,
                                                                  std::min(kBlock, padded_ - first), factors[k], 0.0f, 0.0f},
                                                  &products[k]);
    std::vector<double> logs;
    for (std::size_t k = 0; k < models.size(); ++k)
      logs.push_back(factors[k] > 0 ? products[k].log() : sum_of_logs(models[k]));
    return logs;
  }

  std::vector<double> weighted_sums_of_logs(std::span<const int> models) const {
    std::vector<double> logs(models.size());
    for (std::size_t k = 0; k < models.size(); ++k)
      run_widest<WeightedLogs>(terms(models[k]), static_cast<const double*>(weights_.of.data()), &logs[k]);
    return logs;
  }

  std::size_t samples_;
  std::size_t padded_;
  LineVector<float> columns_;    // [models, padded]: the score of the true class
  std::vector<double> totals_;   // [models]: the sum of the logarithms with one more, as scored with these picks; or NaN
  std::vector<double> gains_;    // [models]: what that was above base_, the least of these picks and subsets of them
  double base_ = kNotKnown;      // the sum of the logarithms of the picks; NaN where it was clamped or not asked for
  std::vector<Extent> extents_;  // [models], of their columns
  LineVector<double> sums_;      // [padded]: over the picks, then 1
  LineVector<float> rounded_;    // [padded]: the same
  Extent extent_;                // of the sums
  std::vector<std::pair<int, double>> to_add_;  // models picked since, and how often
  ScoreWeights weights_;
  int threads_;
  double picks_ = 0.0;
};

}  // namespace

std::unique_ptr<Scorer> make_log_loss_scorer(const Scoring& scoring) { return std::make_unique<LogLossScorer>(scoring); }

}  // namespace quorate
