#include "route/certify.h"

#include <algorithm>
#include <cmath>

#include "route/threshold_path.h"

namespace quorate {
namespace {

constexpr std::size_t kPlainSamples = 100;

bool stops_early(std::span<const double> thresholds) {
  return std::any_of(thresholds.begin(), thresholds.end(), [](double threshold) { return threshold <= 1.0; });
}

// Of how many samples a difference of -1 is possible: the reference errs and some tier doesn't.
std::size_t could_be_better(std::span<const TierTrace* const> tiers, std::span<const std::uint8_t> reference) {
  std::size_t count = 0;
  for (std::size_t sample = 0; sample < reference.size(); ++sample)
    count += reference[sample] == 1 &&
             std::any_of(tiers.begin(), tiers.end(), [&](const TierTrace* tier) { return tier->wrong[sample] == 0; });
  return count;
}

// Moves a cascade along its path, keeping the test's differences up to date.
class Walk {
 public:
  Walk(const ThresholdPath& path, std::span<const TierTrace* const> tiers, PromiseTest& test)
      : path_(path), tiers_(tiers), test_(test), stops_at_(tiers.front()->wrong.size()) {
    reset();
  }

  void reset() {
    taken_ = 0;
    std::fill(stops_at_.begin(), stops_at_.end(), static_cast<std::uint32_t>(tiers_.size() - 1));
    test_.set(tiers_.back()->wrong);
  }

  std::size_t taken() const { return taken_; }
  bool at_end() const { return taken_ == path_.steps().size(); }

  // The next steps of equal place on the path.
  void advance() {
    const std::size_t end = path_.group_end(taken_);
    for (; taken_ < end; ++taken_) {
      const ThresholdPath::Step& step = path_.steps()[taken_];
      if (step.tier >= stops_at_[step.sample]) continue;
      stops_at_[step.sample] = step.tier;
      test_.set(step.sample, tiers_[step.tier]->wrong[step.sample]);
    }
  }

  void advance_to(std::size_t taken) {
    if (taken < taken_) reset();
    while (taken_ < taken) advance();
  }

  // Whether these thresholds decide as the steps taken do.
  bool agrees(std::span<const double> thresholds) const {
    for (std::size_t sample = 0; sample < stops_at_.size(); ++sample)
      if (stopping_tier(tiers_, thresholds, sample) != stops_at_[sample]) return false;
    return true;
  }

 private:
  const ThresholdPath& path_;
  std::span<const TierTrace* const> tiers_;
  PromiseTest& test_;
  std::vector<std::uint32_t> stops_at_;  // [samples]
  std::size_t taken_ = 0;
};

// The ends of the groups that may be taken, descending: those up to the first that fails, or, where nothing is guaranteed,
// all that pass.
std::vector<std::size_t> passed(Walk& walk, PromiseTest& test) {
  std::vector<std::size_t> ends;
  while (!walk.at_end()) {
    walk.advance();
    if (test.passes())
      ends.push_back(walk.taken());
    else if (test.guarantees())
      break;
  }
  std::reverse(ends.begin(), ends.end());
  return ends;
}

}  // namespace

Cascade certify(const Cascade& cascade, std::span<const TierTrace* const> tiers, std::span<const std::uint8_t> reference,
                const Promise& promise, const CalibrateOptions& options, double level) {
  const std::vector<std::uint8_t> none(reference.size(), 0);
  PromiseTest test(promise, options, level, promise.of_increase ? reference : std::span<const std::uint8_t>(none),
                   promise.of_increase ? could_be_better(tiers, reference) : 0);
  const ThresholdPath path(cascade, tiers, options.searched > 1);
  Walk walk(path, tiers, test);
  // Answering as the reference does needs no test.
  const bool starts_at_reference =
      promise.of_increase && std::equal(reference.begin(), reference.end(), tiers.back()->wrong.begin());
  const bool started = starts_at_reference || test.passes();

  std::vector<double> chosen(cascade.tiers.size() - 1, kNeverStops);
  std::size_t taken = 0;
  if (started || !test.guarantees())
    for (const std::size_t end : passed(walk, test)) {
      walk.advance_to(end);
      std::vector<double> thresholds = path.thresholds(end);
      // Where steps lie closer than a double can tell, take an earlier one.
      if (!walk.agrees(thresholds)) continue;
      chosen = std::move(thresholds);
      taken = end;
      break;
    }

  walk.advance_to(path.given());
  const std::size_t needed = samples_needed(promise, level, test.samples(), test.worse(), test.better());
  walk.advance_to(taken);
  Cascade result = with_thresholds(cascade, tiers, chosen);
  Certificate certificate = certificate_of(result, promise, options, test, share_wrong(reference));
  const bool nothing_to_stop = cascade.tiers.size() == 1 || !starts_at_reference;
  certificate.holds = test.guarantees() && started && (nothing_to_stop || stops_early(chosen));
  if (certificate.holds) certificate.bound = std::min(certificate.bound, promise.most);
  if (starts_at_reference && taken == 0) certificate.bound = 0.0;
  if (test.guarantees() && (!certificate.holds || taken < path.given())) certificate.samples_needed = needed;
  result.certificate = std::move(certificate);
  return result;
}

Cascade plain(const Cascade& cascade, std::span<const TierTrace* const> tiers, const Promise& promise,
              const CalibrateOptions& options) {
  const std::vector<std::uint8_t>& reference = tiers.back()->wrong;
  std::vector<std::size_t> samples = shuffled(reference.size(), options.seed);
  samples.resize(std::min(samples.size(), kPlainSamples));
  std::vector<double> thresholds;
  for (std::size_t k = 0; k + 1 < tiers.size(); ++k) {
    const TierTrace& tier = *tiers[k];
    std::vector<double> wrong;  // certainties of its errors
    for (const std::size_t sample : samples)
      if (tier.wrong[sample]) wrong.push_back(tier.certainty[sample]);
    std::sort(wrong.begin(), wrong.end(), std::greater<>());
    const auto allowed = static_cast<std::size_t>(promise.most * static_cast<double>(samples.size()));
    double lowest = kNeverStops;
    for (const std::size_t sample : samples)
      if (allowed >= wrong.size() || tier.certainty[sample] > wrong[allowed])
        lowest = std::min(lowest, tier.certainty[sample]);
    thresholds.push_back(cascade.tiers[k].threshold > 1.0 ? kNeverStops : lowest);
  }
  Cascade result = with_thresholds(cascade, tiers, thresholds);
  const std::vector<std::uint8_t> none(reference.size(), 0);
  PromiseTest test(promise, options, promise.delta, promise.of_increase ? reference : none, 0);
  for (std::size_t sample = 0; sample < reference.size(); ++sample)
    test.set(sample, tiers[stopping_tier(tiers, thresholds, sample)]->wrong[sample]);
  Certificate certificate = certificate_of(result, promise, options, test, share_wrong(reference));
  certificate.samples = samples.size();
  result.certificate = std::move(certificate);
  return result;
}

}  // namespace quorate
