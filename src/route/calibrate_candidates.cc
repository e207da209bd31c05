#include <algorithm>
#include <map>

#include "core/message.h"
#include "route/certify.h"

namespace quorate {
namespace {

// Traces of cascades of which many have the same tiers and differ in thresholds.
class Traces {
 public:
  Traces(const Predictions& predictions, int threads) : predictions_(predictions), threads_(threads) {}

  std::vector<const TierTrace*> of(const Cascade& cascade) {
    std::vector<std::vector<double>> key;
    for (const Tier& tier : cascade.tiers) {
      key.emplace_back(tier.members.begin(), tier.members.end());
      key.push_back(tier.weights);
      key.push_back({static_cast<double>(tier.signal), static_cast<double>(cascade.combine)});
    }
    const auto found = traces_.find(key);
    if (found != traces_.end()) return pointers(found->second);
    return pointers(traces_.emplace(std::move(key), trace(cascade, predictions_, threads_)).first->second);
  }

 private:
  const Predictions& predictions_;
  int threads_;
  std::map<std::vector<std::vector<double>>, std::vector<TierTrace>> traces_;
};

std::vector<double> given_thresholds(const Cascade& cascade) {
  std::vector<double> thresholds;
  for (std::size_t k = 0; k + 1 < cascade.tiers.size(); ++k) thresholds.push_back(cascade.tiers[k].threshold);
  return thresholds;
}

// Up to three of a front, by their loss on the data of the search: the cheapest that stay within a quarter, a half and all
// of what is promised; of those with the same tiers the first.
std::vector<const Cascade*> promising(std::span<const Cascade> front, const Promise& promise) {
  const double best = front.back().loss;
  const double room = promise.of_increase ? promise.most : std::max(0.0, promise.most - best);
  std::vector<const Cascade*> picked;
  for (const double share : {0.25, 0.5, 1.0}) {
    const auto cheapest = std::find_if(front.begin(), front.end(),
                                       [&](const Cascade& cascade) { return cascade.loss <= best + share * room; });
    const auto same_tiers = [&](const Cascade* other) {
      return std::equal(other->tiers.begin(), other->tiers.end(), cheapest->tiers.begin(), cheapest->tiers.end(),
                        [](const Tier& a, const Tier& b) { return a.members == b.members; });
    };
    if (std::none_of(picked.begin(), picked.end(), same_tiers)) picked.push_back(&*cheapest);
  }
  return picked;
}

void check_candidates(std::span<const Cascade> candidates, const Predictions& calib, const CalibrateOptions& options) {
  require(!candidates.empty(), "candidates hold no cascade, but must hold at least 1");
  require(options.rule != CalibrationRule::kPlain, "rule is \"plain\", which takes one cascade, but there are ",
          candidates.size(), " candidates");
  for (const Cascade& cascade : candidates) check_calibration(cascade, calib);
  if (candidates.size() == 1) return;
  const bool known = std::any_of(candidates.begin(), candidates.end(), [](const Cascade& cascade) {
    return std::any_of(cascade.tiers.begin(), cascade.tiers.end(), [](const Tier& tier) { return tier.cost > 0.0; });
  });
  require(known, "candidates hold no tier of known cost, but the cheapest is to be found: state Tier.cost");
}

}  // namespace

Cascade calibrate(std::span<const Cascade> candidates, const Predictions& calib, const CalibrateOptions& options) {
  const Promise promise(options);
  check_candidates(candidates, calib, options);
  if (candidates.size() == 1) return calibrate(candidates.front(), calib, options);
  // The reference was chosen on the same samples too.
  const std::size_t choices =
      options.searched > 1 && promise.of_increase ? options.searched * options.searched : options.searched;
  const std::size_t paid = std::max(choices, candidates.size());
  Traces traces(calib, options.threads);
  const std::vector<std::uint8_t>& reference = traces.of(candidates.back()).back()->wrong;
  std::optional<Cascade> cheapest;
  std::optional<Cascade> last;
  for (const Cascade& candidate : candidates) {
    last = certify(candidate, traces.of(candidate), reference, promise, options, promise.delta / static_cast<double>(paid));
    const bool taken = last->certificate->holds || options.rule == CalibrationRule::kPlugIn;
    const bool fits = last->certificate->measured <= promise.most;
    if (taken && fits && (!cheapest || last->cost < cheapest->cost)) cheapest = last;
  }
  Cascade result = cheapest ? std::move(*cheapest) : std::move(*last);
  result.certificate->candidates = paid;
  return result;
}

Cascade calibrate(const CascadeFront& front, const Predictions& calib, const CalibrateOptions& options) {
  const std::vector<Cascade> all(front.begin(), front.end());
  if (options.searched > 1) return calibrate(std::span<const Cascade>(all), calib, options);
  const Promise promise(options);
  check_candidates(all, calib, options);
  const Cascade& best = all.back();
  Traces traces(calib, options.threads);
  const auto best_tiers = traces.of(best);
  const std::vector<double> best_thresholds = given_thresholds(best);
  std::vector<std::uint8_t> reference;
  for (std::size_t sample = 0; sample < calib.samples(); ++sample)
    reference.push_back(best_tiers[stopping_tier(best_tiers, best_thresholds, sample)]->wrong[sample]);

  const std::vector<const Cascade*> picked = promising(all, promise);
  const double level = promise.delta / static_cast<double>(picked.size());
  std::optional<Cascade> cheapest;
  std::size_t needed = 0;
  for (const Cascade* candidate : picked) {
    Cascade made = certify(*candidate, traces.of(*candidate), reference, promise, options, level);
    needed = std::max(needed, made.certificate->samples_needed);
    const bool taken = made.certificate->holds || options.rule == CalibrationRule::kPlugIn;
    if (taken && made.certificate->measured <= promise.most && (!cheapest || made.cost < cheapest->cost))
      cheapest = std::move(made);
  }
  Cascade result = with_thresholds(best, best_tiers, best_thresholds);
  if (cheapest && (cheapest->cost < result.cost || !promise.of_increase)) {
    result = std::move(*cheapest);
  } else {
    const std::vector<std::uint8_t> none(reference.size(), 0);
    PromiseTest test(promise, options, promise.delta, promise.of_increase ? reference : none, 0);
    test.set(reference);
    result.certificate = certificate_of(result, promise, options, test, share_wrong(reference));
    if (promise.of_increase) result.certificate->bound = 0.0;
    result.certificate->samples_needed = needed;
  }
  result.certificate->candidates = picked.size();
  return result;
}

}  // namespace quorate
