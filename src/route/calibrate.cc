#include "quorate/route/calibrate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/message.h"
#include "quorate/core/random.h"
#include "route/betting.h"
#include "route/cost.h"
#include "route/trace.h"

namespace quorate {
namespace {

// The path; see the header. In eighths, which binary numbers hold exactly, so that the given thresholds are a step of it.
constexpr int kFirstEighth = 16 * 8;
constexpr int kLastEighth = -8 * 8;

double shifted(double threshold, double shift) {
  if (shift == 0.0 || threshold > 1.0) return threshold;
  if (threshold >= 1.0 && shift > 0.0) return kNeverStops;
  const double p = std::clamp(threshold, 1e-9, 1.0 - 1e-9);
  return 1.0 / (1.0 + std::exp(-(std::log(p / (1.0 - p)) + shift)));
}

class Calibration {
 public:
  Calibration(const Cascade& cascade, const Predictions& calib, const CalibrateOptions& options)
      : cascade_(cascade),
        traces_(trace(cascade, calib, options.threads)),
        tiers_(pointers(traces_)),
        order_(calib.samples()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    Random random(options.seed);
    for (std::size_t left = order_.size(); left > 1; --left) std::swap(order_[left - 1], order_[random.below(left)]);
  }

  std::vector<double> thresholds(double shift) const {
    std::vector<double> result;
    for (std::size_t k = 0; k + 1 < cascade_.tiers.size(); ++k)
      result.push_back(shifted(cascade_.tiers[k].threshold, shift));
    return result;
  }

  // Loss differences to the reference, in the order of the test.
  std::vector<std::int8_t> differences(const std::vector<double>& thresholds) const {
    std::vector<std::int8_t> d;
    for (const std::size_t sample : order_) {
      const std::size_t k = stopping_tier(tiers_, thresholds, sample);
      d.push_back(static_cast<std::int8_t>(tiers_[k]->wrong[sample] - tiers_.back()->wrong[sample]));
    }
    return d;
  }

  double reference_loss() const {
    const auto& wrong = tiers_.back()->wrong;
    return static_cast<double>(std::count(wrong.begin(), wrong.end(), 1)) / static_cast<double>(wrong.size());
  }

  Cascade with(const std::vector<double>& thresholds) const {
    Cascade result = cascade_;
    for (std::size_t k = 0; k < thresholds.size(); ++k) result.tiers[k].threshold = thresholds[k];
    std::vector<std::size_t> answered(tiers_.size());
    std::size_t errors = 0;
    for (const std::size_t sample : order_) {
      const std::size_t k = stopping_tier(tiers_, thresholds, sample);
      ++answered[k];
      errors += tiers_[k]->wrong[sample];
    }
    result.loss = static_cast<double>(errors) / static_cast<double>(order_.size());
    result.cost = 0.0;
    std::size_t reached = order_.size();
    for (std::size_t k = 0; k < tiers_.size(); ++k) {
      result.cost += expected_cost(result.tiers[k].cost, reached, order_.size());
      reached -= answered[k];
    }
    return result;
  }

 private:
  const Cascade& cascade_;
  std::vector<TierTrace> traces_;
  std::vector<const TierTrace*> tiers_;
  std::vector<std::size_t> order_;
};

bool stops_early(const std::vector<double>& thresholds) {
  return std::any_of(thresholds.begin(), thresholds.end(), [](double threshold) { return threshold <= 1.0; });
}

double mean_of(const std::vector<std::int8_t>& d) {
  return static_cast<double>(std::accumulate(d.begin(), d.end(), std::int64_t{0})) / static_cast<double>(d.size());
}

std::size_t samples_needed(const Calibration& calibration, const CalibrateOptions& options) {
  double slowest = std::numeric_limits<double>::infinity();
  for (int eighth = kFirstEighth; eighth >= 0; --eighth) {
    const std::vector<double> thresholds = calibration.thresholds(eighth / 8.0);
    if (!stops_early(thresholds)) continue;
    const std::vector<std::int8_t> d = calibration.differences(thresholds);
    if (mean_of(d) >= options.max_loss_increase) return 0;
    slowest = std::min(slowest, best_growth(d, options.max_loss_increase));
  }
  return static_cast<std::size_t>(std::ceil(std::log(1 / options.delta) / slowest));
}

}  // namespace

Cascade calibrate(const Cascade& cascade, const Predictions& calib, const CalibrateOptions& options) {
  check_classes(calib);
  check(cascade, calib.models());
  const double epsilon = options.max_loss_increase;
  require(epsilon > 0.0 && epsilon < 1.0, "max_loss_increase is ", epsilon, ", but must be above 0 and below 1");
  require(options.delta > 0.0 && options.delta < 1.0, "delta is ", options.delta, ", but must be above 0 and below 1");

  const Calibration calibration(cascade, calib, options);
  std::vector<double> chosen(cascade.tiers.size() - 1, kNeverStops);
  std::vector<std::int8_t> differences(calib.samples(), 0);
  bool certified = cascade.tiers.size() == 1;
  for (int eighth = kFirstEighth; eighth >= kLastEighth; --eighth) {
    const std::vector<double> thresholds = calibration.thresholds(eighth / 8.0);
    // Without an early stop there is nothing to test: both answer alike.
    if (!stops_early(thresholds)) continue;
    std::vector<std::int8_t> d = calibration.differences(thresholds);
    if (log_capital(d, epsilon, options.delta) < std::log(1 / options.delta)) break;
    chosen = thresholds;
    differences = std::move(d);
    certified = true;
  }

  Cascade result = calibration.with(chosen);
  Certificate certificate;
  certificate.max_loss_increase = epsilon;
  certificate.delta = options.delta;
  certificate.samples = calib.samples();
  certificate.measured = mean_of(differences);
  certificate.reference_loss = calibration.reference_loss();
  certificate.holds = certified;
  if (stops_early(chosen)) certificate.bound = std::min(upper_bound(differences, options.delta), epsilon);
  if (!certified) certificate.samples_needed = samples_needed(calibration, options);
  certificate.method = "fixed-sequence testing of a joint shift of the thresholds by one-sided hedged-capital betting";
  certificate.does_not_cover =
      "samples from another distribution than the calibration samples; calibration samples that were used to train, select "
      "or "
      "find the cascade, or that depend on each other; changes of a model";
  result.certificate = std::move(certificate);
  return result;
}

}  // namespace quorate
