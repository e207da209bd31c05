#include "quorate/route/calibrate.h"

#include <algorithm>
#include <array>

#include "core/message.h"
#include "route/certify.h"
#include "route/cost.h"

namespace quorate {
namespace {

constexpr std::array<const char*, 4> kRules = {"exact", "betting", "plug_in", "plain"};

const char* method_of(CalibrationRule rule, bool of_increase) {
  switch (rule) {
    case CalibrationRule::kExact:
      return of_increase ? "fixed-sequence testing of thresholds that move together, by an exact trinomial test"
                         : "fixed-sequence testing of thresholds that move together, by an exact binomial test";
    case CalibrationRule::kBetting:
      return "fixed-sequence testing of thresholds that move together, by one-sided hedged-capital betting";
    case CalibrationRule::kPlugIn:
      return "plug-in: the cheapest thresholds whose measured figure is small enough; guarantees nothing";
    case CalibrationRule::kPlain:
      return "plain rule of agreement-based cascading on up to 100 samples; guarantees nothing";
  }
  return "";
}

}  // namespace

std::string to_string(CalibrationRule rule) { return kRules[static_cast<std::size_t>(rule)]; }

CalibrationRule calibration_rule_from_string(std::string_view name) {
  const auto found = std::find(kRules.begin(), kRules.end(), name);
  require(found != kRules.end(), "rule is \"", name, "\", but must be one of: ", joined(kRules));
  return static_cast<CalibrationRule>(found - kRules.begin());
}

void check_calibration(const Cascade& cascade, const Predictions& calib) {
  check_classes(calib);
  Cascade without = cascade;  // what an older certificate said doesn't matter now
  without.certificate.reset();
  check(without, calib.models());
  const std::size_t thresholds = cascade.tiers.size() - 1;
  require(calib.samples() >= std::max<std::size_t>(thresholds, 1), "predictions hold ", calib.samples(),
          " samples, but must hold at least ", std::max<std::size_t>(thresholds, 1),
          thresholds > 0 ? ", one for each threshold" : "");
}

double share_wrong(std::span<const std::uint8_t> wrong) {
  return static_cast<double>(std::count(wrong.begin(), wrong.end(), 1)) / static_cast<double>(wrong.size());
}

Cascade with_thresholds(const Cascade& cascade, std::span<const TierTrace* const> tiers,
                        std::span<const double> thresholds) {
  Cascade result = cascade;
  for (std::size_t k = 0; k < thresholds.size(); ++k) result.tiers[k].threshold = thresholds[k];
  const std::size_t samples = tiers.front()->wrong.size();
  std::vector<std::size_t> answered(tiers.size());
  std::size_t errors = 0;
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const std::size_t k = stopping_tier(tiers, thresholds, sample);
    ++answered[k];
    errors += tiers[k]->wrong[sample];
  }
  result.loss = static_cast<double>(errors) / static_cast<double>(samples);
  result.cost = 0.0;
  std::size_t reached = samples;
  for (std::size_t k = 0; k < tiers.size(); ++k) {
    result.cost += expected_cost(result.tiers[k].cost, reached, samples);
    reached -= answered[k];
  }
  return result;
}

Certificate certificate_of(const Cascade& cascade, const Promise& promise, const CalibrateOptions& options,
                           const PromiseTest& test, double reference_loss) {
  Certificate certificate;
  if (promise.of_increase)
    certificate.max_loss_increase = promise.most;
  else
    certificate.max_loss = promise.most;
  certificate.delta = promise.delta;
  certificate.samples = test.samples();
  certificate.measured = test.mean();
  certificate.reference_loss = reference_loss;
  certificate.bound = test.bound(promise.delta);
  certificate.method = method_of(options.rule, promise.of_increase);
  certificate.does_not_cover =
      "samples from another distribution than the calibration samples; calibration samples that were used to train or "
      "select "
      "the models, or, beyond the candidates counted, to find the cascade, or that depend on each other; changes of a model";
  certificate.tiers_sha256 = digest_of(cascade);
  return certificate;
}

Cascade calibrate(const Cascade& cascade, const Predictions& calib, const CalibrateOptions& options) {
  const Promise promise(options);
  check_calibration(cascade, calib);
  const std::vector<TierTrace> traces = trace(cascade, calib, options.threads);
  const auto tiers = pointers(traces);
  if (options.rule == CalibrationRule::kPlain) return plain(cascade, tiers, promise, options);
  Cascade result =
      certify(cascade, tiers, tiers.back()->wrong, promise, options, promise.delta / static_cast<double>(options.searched));
  result.certificate->candidates = options.searched;
  return result;
}

}  // namespace quorate
