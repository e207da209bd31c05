#include "quorate/route/decide.h"

#include <array>

namespace quorate {
namespace {

template <class Score>
int highest(const Score* scores, std::size_t classes) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < classes; ++c)
    if (scores[c] > scores[best]) best = c;
  return static_cast<int>(best);
}

// The members' votes, each found once for tiers of up to kKept members and again when asked for beyond that: `mean` may hold
// earlier tiers, so there is no room to tally in, and a decision must not allocate.
class Votes {
 public:
  Votes(std::span<const float* const> member_scores, std::size_t classes) : scores_(member_scores), classes_(classes) {
    for (std::size_t k = 0; k < scores_.size() && k < kKept; ++k) kept_[k] = highest(scores_[k], classes_);
  }
  int operator[](std::size_t k) const { return k < kKept ? kept_[k] : highest(scores_[k], classes_); }

 private:
  static constexpr std::size_t kKept = 16;
  std::span<const float* const> scores_;
  std::size_t classes_;
  std::array<int, kKept> kept_ = {};
};

double agreement(const Tier& tier, std::span<const float* const> member_scores, std::size_t classes) {
  const Votes votes(member_scores, classes);
  int elected = 0;
  double most = 0.0;
  for (std::size_t k = 0; k < member_scores.size(); ++k) {
    const int candidate = votes[k];
    double share = 0.0;
    for (std::size_t j = 0; j < member_scores.size(); ++j)
      if (votes[j] == candidate) share += tier.weights[j];
    if (share > most || (share == most && candidate < elected)) {
      elected = candidate;
      most = share;
    }
  }
  if (tier.signal == Signal::kVoteAgreement) return most;
  double score = 0.0;
  for (std::size_t k = 0; k < member_scores.size(); ++k)
    score += tier.weights[k] * static_cast<double>(member_scores[k][elected]);
  return score;
}

}  // namespace

Decision decide(const Tier& tier, std::span<const float* const> member_scores, std::span<double> mean,
                std::size_t averaged) {
  const auto before = static_cast<double>(averaged);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    double score = 0.0;
    for (std::size_t k = 0; k < member_scores.size(); ++k)
      score += tier.weights[k] * static_cast<double>(member_scores[k][c]);
    mean[c] = averaged == 0 ? score : (mean[c] * before + score) / (before + 1.0);
  }

  Decision decision;
  decision.answer = highest(mean.data(), mean.size());
  const double certainty = tier.signal == Signal::kConfidence ? mean[static_cast<std::size_t>(decision.answer)]
                                                              : agreement(tier, member_scores, mean.size());
  // Rows sum to 1 within rounding only. Written so that a NaN stays one.
  decision.certainty = certainty > 1.0 ? 1.0 : certainty;
  decision.stop = may_stop(decision.certainty, tier.threshold);
  return decision;
}

}  // namespace quorate
