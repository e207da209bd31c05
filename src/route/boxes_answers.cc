#include "route/boxes_answers.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quorate/core/parallel.h"

namespace quorate {
namespace {

// A certainty that is not a number stops where the threshold is 0 only: as a certainty of 0 does.
double comparable(double certainty) { return std::isnan(certainty) ? 0.0 : certainty; }

void set_wrong(std::vector<std::uint64_t>& rows, std::uint32_t tier, const TierTrace& trace) {
  for (std::size_t sample = 0; sample < rows.size(); ++sample)
    rows[sample] |= std::uint64_t{trace.wrong[sample]} << tier % kLastTiers;
}

}  // namespace

RankedTier::RankedTier(const TierTrace& tier) : wrong(tier.wrong) {
  const std::size_t samples = wrong.size();
  order.resize(samples);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const double of_a = comparable(tier.certainty[a]);
    const double of_b = comparable(tier.certainty[b]);
    return of_a != of_b ? of_a > of_b : a < b;
  });
  rank.resize(samples);
  for (std::uint32_t x = 0; x < samples; ++x) {
    rank[order[x]] = x;
    certainty.push_back(comparable(tier.certainty[order[x]]));
  }
  next.resize(samples + 1);
  previous.resize(samples + 1);
  const auto is_position = [&](std::size_t x) { return x == 0 || x == samples || certainty[x - 1] != certainty[x]; };
  for (std::size_t x = 0; x <= samples; ++x) previous[x] = is_position(x) ? static_cast<std::uint32_t>(x) : previous[x - 1];
  for (std::size_t x = samples + 1; x-- > 0;) next[x] = is_position(x) ? static_cast<std::uint32_t>(x) : next[x + 1];
}

PrefixAsker::PrefixAsker(const Search& search) : search_(search) {
  if (search.combine != Combine::kLast) return;
  const std::size_t tiers = search.pool.tiers.size();
  alone_.resize(tiers);
  last_wrong_alone_.assign((tiers + kLastTiers - 1) / kLastTiers, std::vector<std::uint64_t>(search.predictions.samples()));
  std::vector<std::vector<std::uint8_t>> wrong(tiers);
  parallel_for(tiers, search.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t tier = begin; tier < end; ++tier) {
      TierTrace trace = quorate::ask(search.predictions, search.pool.tiers[tier]);
      if (search.pool.may_stop[tier]) alone_[tier] = std::make_shared<const RankedTier>(trace);
      wrong[tier] = std::move(trace.wrong);
    }
  });
  parallel_for(last_wrong_alone_.front().size(), search.threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t tier = 0; tier < tiers; ++tier)
      for (std::size_t sample = begin; sample < end; ++sample)
        last_wrong_alone_[tier / kLastTiers][sample] |= std::uint64_t{wrong[tier][sample]} << tier % kLastTiers;
  });
}

PrefixAnswers PrefixAsker::ask(std::span<const std::uint32_t> stopping, std::span<const std::uint32_t> last) const {
  PrefixAnswers answers;
  if (search_.combine == Combine::kLast) {
    for (const std::uint32_t tier : stopping) answers.stopping.push_back(alone_[tier]);
    answers.last_wrong = last_wrong_alone_[last.front() / kLastTiers];
    return answers;
  }
  std::vector<double> means(search_.predictions.samples() * search_.predictions.classes());
  for (std::size_t k = 0; k < stopping.size(); ++k)
    answers.stopping.push_back(std::make_shared<const RankedTier>(
        ask_and_average(search_.predictions, search_.pool.tiers[stopping[k]], k, means, search_.combine)));
  answers.last_wrong.resize(search_.predictions.samples());
  for (const std::uint32_t tier : last) {
    Tier quick = search_.pool.tiers[tier];
    quick.signal = Signal::kConfidence;  // nobody asks the last tier's certainty
    set_wrong(answers.last_wrong, tier, quorate::ask(search_.predictions, quick, stopping.size(), means, search_.combine));
  }
  return answers;
}

}  // namespace quorate
