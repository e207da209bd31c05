#include "route/trace.h"

#include <algorithm>

#include "core/message.h"
#include "quorate/core/parallel.h"

namespace quorate {
namespace {

constexpr std::size_t kRows = 256;  // a block's scores stay in cache

// Asks tiers on a block of samples; holds the scores that decide() points into.
class Block {
 public:
  Block(const Predictions& predictions, std::size_t members)
      : predictions_(predictions), scores_(members * kRows * predictions.classes()), rows_(members), given_(members) {}

  void ask(const Tier& tier, Combine combine, std::size_t asked, std::size_t begin, std::size_t rows,
           std::span<double> means, TierTrace& out) {
    const std::size_t classes = predictions_.classes();
    const std::size_t members = tier.members.size();
    const bool wants_given = tier.signal == Signal::kGiven;
    for (std::size_t k = 0; k < members; ++k)
      predictions_.read(static_cast<std::size_t>(tier.members[k]), begin, rows, scores_.data() + k * kRows * classes);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t k = 0; k < members; ++k) rows_[k] = scores_.data() + (k * kRows + row) * classes;
      if (wants_given)
        for (std::size_t k = 0; k < members; ++k)
          given_[k] = predictions_.certainty(static_cast<std::size_t>(tier.members[k]), begin + row);
      const Decision decision = decide(tier, std::span(rows_).first(members), means.subspan(row * classes, classes), combine,
                                       asked, std::span(given_).first(wants_given ? members : 0));
      out.certainty[begin + row] = decision.certainty;
      out.answer[begin + row] = decision.answer;
      out.wrong[begin + row] = decision.answer != predictions_.labels()[begin + row];
    }
  }

 private:
  const Predictions& predictions_;
  std::vector<float> scores_;
  std::vector<const float*> rows_;
  std::vector<float> given_;
};

template <class Body>
void for_each_block(std::size_t begin, std::size_t end, const Body& body) {
  for (std::size_t first = begin; first < end; first += kRows) body(first, std::min(kRows, end - first));
}

}  // namespace

void check_classes(const Predictions& predictions) {
  require(!predictions.has_values(), "predictions hold values, but a cascade needs probabilities or votes");
}

void check_given(const Predictions& predictions, Signal signal) {
  require(signal != Signal::kGiven || predictions.has_certainty(),
          "signal is \"given\", but the predictions have no certainty: they must come from with_certainty");
}

void check_threads(int threads) {
  require(threads >= 0, "threads is ", threads, ", but must be at least 0 (0: one for each core)");
}

TierTrace ask(const Predictions& predictions, const Tier& tier, std::size_t averaged, std::span<const double> means,
              Combine combine) {
  TierTrace out(predictions.samples());
  const std::size_t classes = predictions.classes();
  Block block(predictions, tier.members.size());
  std::vector<double> scratch(kRows * classes);
  for_each_block(0, predictions.samples(), [&](std::size_t first, std::size_t rows) {
    if (averaged > 0)
      std::copy_n(means.begin() + static_cast<std::ptrdiff_t>(first * classes), rows * classes, scratch.begin());
    block.ask(tier, combine, averaged, first, rows, scratch, out);
  });
  return out;
}

TierTrace ask_and_average(const Predictions& predictions, const Tier& tier, std::size_t averaged, std::span<double> means,
                          Combine combine) {
  TierTrace out(predictions.samples());
  const std::size_t classes = predictions.classes();
  Block block(predictions, tier.members.size());
  for_each_block(0, predictions.samples(), [&](std::size_t first, std::size_t rows) {
    block.ask(tier, combine, averaged, first, rows, means.subspan(first * classes, rows * classes), out);
  });
  return out;
}

std::vector<TierTrace> trace(const Cascade& cascade, const Predictions& predictions, int threads) {
  check_threads(threads);
  for (const Tier& tier : cascade.tiers) check_given(predictions, tier.signal);
  std::vector<TierTrace> tiers(cascade.tiers.size(), TierTrace(predictions.samples()));
  std::size_t members = 0;
  for (const Tier& tier : cascade.tiers) members = std::max(members, tier.members.size());
  parallel_for(predictions.samples(), threads, [&](std::size_t begin, std::size_t end) {
    Block block(predictions, members);
    std::vector<double> means(kRows * predictions.classes());
    for_each_block(begin, end, [&](std::size_t first, std::size_t rows) {
      for (std::size_t k = 0; k < cascade.tiers.size(); ++k)
        block.ask(cascade.tiers[k], cascade.combine, k, first, rows, means, tiers[k]);
    });
  });
  return tiers;
}

std::vector<const TierTrace*> pointers(const std::vector<TierTrace>& tiers) {
  std::vector<const TierTrace*> result;
  for (const TierTrace& tier : tiers) result.push_back(&tier);
  return result;
}

}  // namespace quorate
