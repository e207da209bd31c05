#include <algorithm>
#include <array>
#include <cmath>

#include "route/decide_knowing.h"

namespace quorate {
namespace {

// The first of the highest; 0 where the first is NaN, other NaNs are passed over.
template <class Score>
int highest(const Score* scores, std::size_t classes) {
  // Four maxima that do not wait for each other; of many classes that is what takes the time.
  constexpr std::size_t kAtOnce = 4;
  Score most[kAtOnce] = {scores[0], scores[0], scores[0], scores[0]};
  std::size_t c = 0;
  for (; c + kAtOnce <= classes; c += kAtOnce)
    for (std::size_t k = 0; k < kAtOnce; ++k) most[k] = scores[c + k] > most[k] ? scores[c + k] : most[k];
  for (; c < classes; ++c) most[0] = scores[c] > most[0] ? scores[c] : most[0];
  for (std::size_t k = 1; k < kAtOnce; ++k) most[0] = most[k] > most[0] ? most[k] : most[0];
  for (c = 0; c < classes; ++c)
    if (scores[c] == most[0]) return static_cast<int>(c);
  return 0;
}

// The members' votes, as the caller knows them, or each found once for tiers of up to kKept members and again when asked for
// beyond that: `mean` may hold earlier tiers, so there is no room to tally in, and a decision must not allocate.
class Votes {
 public:
  Votes(std::span<const float* const> member_scores, std::size_t classes, std::span<const std::int32_t> known)
      : scores_(member_scores), classes_(classes), known_(known) {
    if (!known.empty()) return;
    for (std::size_t k = 0; k < scores_.size() && k < kKept; ++k) kept_[k] = highest(scores_[k], classes_);
    if (scores_.size() <= kKept) known_ = std::span(kept_).first(scores_.size());
  }
  Votes(const Votes&) = delete;
  Votes& operator=(const Votes&) = delete;
  std::int32_t operator[](std::size_t k) const { return k < known_.size() ? known_[k] : highest(scores_[k], classes_); }

 private:
  static constexpr std::size_t kKept = 16;
  std::span<const float* const> scores_;
  std::size_t classes_;
  std::span<const std::int32_t> known_;
  std::array<std::int32_t, kKept> kept_;
};

// The tier's own mean score of a class.
double own_score(const Tier& tier, std::span<const float* const> member_scores, std::size_t of_class) {
  double score = 0.0;
  for (std::size_t k = 0; k < member_scores.size(); ++k)
    score += tier.weights[k] * static_cast<double>(member_scores[k][of_class]);
  return score;
}

void take_mean(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean, std::size_t asked) {
  if (asked == 0) {  // the same sums, member by member, which vectors can do
    std::fill(mean.begin(), mean.end(), 0.0);
    for (std::size_t k = 0; k < member_scores.size(); ++k) {
      const double weight = tier.weights[k];
      const float* scores = member_scores[k];
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += weight * static_cast<double>(scores[c]);
    }
    return;
  }
  const auto before = static_cast<double>(asked);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const double score = own_score(tier, member_scores, c);
    mean[c] = (mean[c] * before + score) / (before + 1.0);
  }
}

void take_votes(const Tier& tier, const Votes& votes, std::span<double> mean, std::size_t asked) {
  const auto before = static_cast<double>(asked);
  for (double& share : mean) share = asked == 0 ? 0.0 : share * before;
  for (std::size_t k = 0; k < tier.members.size(); ++k) mean[static_cast<std::size_t>(votes[k])] += tier.weights[k];
  for (double& share : mean) share /= before + 1.0;
}

int elected(const Tier& tier, std::span<const float* const> member_scores, std::span<const double> shares) {
  auto best = static_cast<std::size_t>(highest(shares.data(), shares.size()));
  double best_score = own_score(tier, member_scores, best);
  for (std::size_t c = best + 1; c < shares.size(); ++c) {
    if (shares[c] != shares[best]) continue;
    const double score = own_score(tier, member_scores, c);
    if (score > best_score) {
      best = c;
      best_score = score;
    }
  }
  return static_cast<int>(best);
}

double margin(std::span<const double> mean, std::size_t best) {
  if (mean.size() == 1) return 1.0;
  double second = 0.0;
  for (std::size_t c = 0; c < mean.size(); ++c)
    if (c != best) second = std::max(second, mean[c]);
  return mean[best] - second;
}

double certainty_of_entropy(std::span<const double> mean) {
  if (mean.size() == 1) return 1.0;
  double entropy = 0.0;
  for (const double p : mean)
    if (!(p <= 0.0)) entropy -= p * std::log(p);
  return 1.0 - entropy / std::log(static_cast<double>(mean.size()));
}

double certainty(const Tier& tier, std::span<const float* const> member_scores, const Votes& votes,
                 std::span<const double> mean, int answer, std::span<const float> given) {
  const auto best = static_cast<std::size_t>(answer);
  switch (tier.signal) {
    case Signal::kConfidence:
      return mean[best];
    case Signal::kMargin:
      return margin(mean, best);
    case Signal::kEntropy:
      return certainty_of_entropy(mean);
    case Signal::kAgreement:
      return own_score(tier, member_scores, static_cast<std::size_t>(elect(tier.weights, votes).of_class));
    case Signal::kVoteAgreement:
      return elect(tier.weights, votes).share;
    case Signal::kGiven:
      break;
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < given.size(); ++k) sum += tier.weights[k] * static_cast<double>(given[k]);
  return sum;
}

}  // namespace

Decision decide_knowing(std::span<const std::int32_t> known_votes, const Tier& tier,
                        std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                        std::size_t asked, std::span<const float> given) {
  const bool votes_matter =
      combine == Combine::kMajority || tier.signal == Signal::kAgreement || tier.signal == Signal::kVoteAgreement;
  const Votes votes(votes_matter ? member_scores : std::span<const float* const>(), mean.size(), known_votes);
  Decision decision;
  if (combine == Combine::kMajority) {
    take_votes(tier, votes, mean, asked);
    decision.answer = elected(tier, member_scores, mean);
  } else {
    take_mean(tier, member_scores, mean, combine == Combine::kMean ? asked : 0);
    decision.answer = highest(mean.data(), mean.size());
  }
  const double value = certainty(tier, member_scores, votes, mean, decision.answer, given);
  // Rows sum to 1 within rounding only. Written so that a NaN stays one.
  decision.certainty = value > 1.0 ? 1.0 : value < 0.0 ? 0.0 : value;
  decision.stop = may_stop(decision.certainty, tier.threshold);
  return decision;
}

Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean, Combine combine,
                std::size_t asked, std::span<const float> given) {
  return decide_knowing({}, tier, member_scores, mean, combine, asked, given);
}

}  // namespace quorate
