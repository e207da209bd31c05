#include "route/threshold_path.h"

#include <algorithm>
#include <cmath>

namespace quorate {
namespace {

constexpr double kNearest = 1e-9;  // to 0 and 1, where logits are taken

double logit(double p) {
  const double inside = std::clamp(p, kNearest, 1.0 - kNearest);
  return std::log(inside / (1.0 - inside));
}

}  // namespace

ThresholdPath::ThresholdPath(const Cascade& cascade, std::span<const TierTrace* const> tiers, bool from_equal) {
  for (std::size_t k = 0; k + 1 < tiers.size(); ++k) {
    const double threshold = cascade.tiers[k].threshold;
    start_.push_back(from_equal ? 0.5 : threshold > 1.0 ? kNeverStops : threshold);
    moving_ += start_[k] <= 1.0;
  }
  for (std::size_t k = 0; k < start_.size(); ++k) {
    if (start_[k] > 1.0) continue;
    for (std::size_t sample = 0; sample < tiers[k]->certainty.size(); ++sample)
      steps_.push_back(
          {position(tiers[k]->certainty[sample], k), static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(k)});
  }
  std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) {
    return a.at != b.at ? a.at > b.at : a.tier != b.tier ? a.tier < b.tier : a.sample < b.sample;
  });
  const double given = moving_ == 1 ? *std::min_element(start_.begin(), start_.end()) : 0.0;
  const auto reached = [&](const Step& step) { return step.at >= given; };
  given_ = static_cast<std::size_t>(std::partition_point(steps_.begin(), steps_.end(), reached) - steps_.begin());
}

double ThresholdPath::position(double certainty, std::size_t tier) const {
  return moving_ == 1 ? certainty : logit(certainty) - logit(start_[tier]);
}

std::size_t ThresholdPath::group_end(std::size_t begin) const {
  std::size_t end = begin;
  while (end < steps_.size() && steps_[end].at == steps_[begin].at) ++end;
  return end;
}

std::vector<double> ThresholdPath::thresholds(std::size_t taken) const {
  std::vector<double> result(start_.size(), kNeverStops);
  if (taken == 0) return result;
  // One threshold stands on the certainty itself. Several stand between two steps, so that rounding crosses neither.
  const double last = steps_[taken - 1].at;
  const double at = moving_ == 1 ? last : taken == steps_.size() ? last - 1e-6 : (last + steps_[taken].at) / 2;
  for (std::size_t k = 0; k < start_.size(); ++k)
    if (start_[k] <= 1.0) result[k] = moving_ == 1 ? at : 1.0 / (1.0 + std::exp(-(logit(start_[k]) + at)));
  return result;
}

}  // namespace quorate
