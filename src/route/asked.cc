#include "route/asked.h"

#include <algorithm>

#include "quorate/core/parallel.h"
#include "route/decide_knowing.h"
#include "select/cpu.h"

namespace quorate {
namespace {

constexpr std::size_t kScores = std::size_t{1} << 17;  // of a block of samples, of all models: they stay in cache

// What a tier's members say together of samples that lie side by side. Each sum is decide()'s, in the same order and without
// fused products.
struct MeanOfMembers {
  // members[k] [classes, rows], mean [classes, rows], best and answer [rows]: the first class of the highest mean.
  template <int>
  [[gnu::always_inline]] static void run(const double* const* members, const double* weights, std::size_t count,
                                         std::size_t classes, std::size_t rows, double* __restrict mean,
                                         double* __restrict best, std::int64_t* __restrict answer) {
    for (std::size_t c = 0; c < classes; ++c) {
      double* of_class = mean + c * rows;
      for (std::size_t row = 0; row < rows; ++row) of_class[row] = weights[0] * members[0][c * rows + row];
      for (std::size_t k = 1; k < count; ++k) {
        const double weight = weights[k];
        const double* scores = members[k] + c * rows;
        for (std::size_t row = 0; row < rows; ++row) of_class[row] += weight * scores[row];
      }
      const auto place = static_cast<std::int64_t>(c);
      for (std::size_t row = 0; row < rows; ++row) {
        const bool first = c == 0 || of_class[row] > best[row];
        best[row] = first ? of_class[row] : best[row];
        answer[row] = first ? place : answer[row];
      }
    }
  }
};

// Asks tiers on a block of samples; holds the scores of the models that they need.
class AskedBlock {
 public:
  AskedBlock(const Predictions& predictions, std::span<const Tier> tiers, Combine combine)
      : predictions_(predictions), tiers_(tiers), combine_(combine), slot_(predictions.models(), kNone) {
    for (const Tier& tier : tiers)
      for (const int member : tier.members) {
        std::size_t& slot = slot_[static_cast<std::size_t>(member)];
        if (slot != kNone) continue;
        slot = models_.size();
        models_.push_back(static_cast<std::size_t>(member));
      }
    rows_ = std::clamp<std::size_t>(kScores / (models_.size() * predictions.classes()), 8, 256);
    scores_.resize(models_.size() * rows_ * predictions.classes());
    votes_.resize(models_.size() * rows_);
    if (std::ranges::any_of(tiers, [this](const Tier& tier) { return is_together(tier); })) {
      by_class_.resize(scores_.size());
      means_.resize(rows_ * predictions.classes());
      best_.resize(rows_);
      answers_.resize(rows_);
    }
    mean_.resize(predictions.classes());
  }

  std::size_t rows() const { return rows_; }

  void ask(std::size_t begin, std::size_t rows, AskedTiers& out) {
    const std::size_t classes = predictions_.classes();
    for (std::size_t i = 0; i < models_.size(); ++i) {
      predictions_.read(models_[i], begin, rows, scores_.data() + i * rows_ * classes);
      for (std::size_t row = 0; row < rows; ++row) {
        const float* scores = scores_.data() + (i * rows_ + row) * classes;
        votes_[i * rows_ + row] = static_cast<std::int32_t>(std::max_element(scores, scores + classes) - scores);
        for (std::size_t c = 0; c < classes && !by_class_.empty(); ++c)
          by_class_[(i * classes + c) * rows_ + row] = static_cast<double>(scores[c]);
      }
    }
    for (std::size_t t = 0; t < tiers_.size(); ++t) {
      const Tier& tier = tiers_[t];
      const std::size_t members = tier.members.size();
      if (is_alone(tier)) {
        const std::size_t first = slot_[static_cast<std::size_t>(tier.members[0])] * rows_;
        for (std::size_t row = 0; row < rows; ++row) {
          const std::int32_t vote = votes_[first + row];
          const float score = scores_[(first + row) * classes + static_cast<std::size_t>(vote)];
          take(t, begin + row, score > 1.0f ? 1.0 : static_cast<double>(score), vote, out);
        }
        continue;
      }
      if (is_together(tier)) {
        ask_together(t, begin, rows, out);
        continue;
      }
      const bool wants_given = tier.signal == Signal::kGiven;
      at_.resize(members);
      votes_of_.resize(members);
      given_.resize(wants_given ? members : 0);
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t k = 0; k < members; ++k) {
          const auto model = static_cast<std::size_t>(tier.members[k]);
          at_[k] = scores_.data() + (slot_[model] * rows_ + row) * classes;
          votes_of_[k] = votes_[slot_[model] * rows_ + row];
          if (wants_given) given_[k] = predictions_.certainty(model, begin + row);
        }
        const Decision decision = decide_knowing(votes_of_, tier, at_, mean_, combine_, 0, given_);
        take(t, begin + row, decision.certainty, decision.answer, out);
      }
    }
  }

 private:
  // A model's confidence in its own answer is its highest score: nothing to decide.
  bool is_alone(const Tier& tier) const {
    return tier.members.size() == 1 && tier.signal == Signal::kConfidence && tier.weights[0] == 1.0 &&
           combine_ != Combine::kMajority;
  }

  // Whether means and votes are all that it takes.
  bool is_together(const Tier& tier) const {
    const bool by_mean =
        tier.signal == Signal::kConfidence || tier.signal == Signal::kAgreement || tier.signal == Signal::kVoteAgreement;
    return by_mean && combine_ != Combine::kMajority && !is_alone(tier);
  }

  void ask_together(std::size_t t, std::size_t begin, std::size_t rows, AskedTiers& out) {
    const Tier& tier = tiers_[t];
    const std::size_t classes = predictions_.classes(), members = tier.members.size();
    columns_.clear();
    for (const int member : tier.members)
      columns_.push_back(by_class_.data() + slot_[static_cast<std::size_t>(member)] * classes * rows_);
    run_unfused<MeanOfMembers>(static_cast<const double* const*>(columns_.data()), tier.weights.data(), members, classes,
                               rows_, means_.data(), best_.data(), answers_.data());
    votes_of_.resize(members);
    for (std::size_t row = 0; row < rows; ++row) {
      double certainty = best_[row];
      if (tier.signal != Signal::kConfidence) {
        for (std::size_t k = 0; k < members; ++k)
          votes_of_[k] = votes_[slot_[static_cast<std::size_t>(tier.members[k])] * rows_ + row];
        const Elected elected = elect(tier.weights, votes_of_);
        certainty = tier.signal == Signal::kVoteAgreement ? elected.share
                                                          : means_[static_cast<std::size_t>(elected.of_class) * rows_ + row];
      }
      take(t, begin + row, std::min(certainty, 1.0), static_cast<std::int32_t>(answers_[row]), out);
    }
  }

  void take(std::size_t tier, std::size_t sample, double certainty, std::int32_t answer, AskedTiers& out) const {
    out.certainty[tier * out.samples + sample] = certainty;
    if (answer != predictions_.labels()[sample])
      out.wrong[sample * out.words + tier / 64] |= std::uint64_t{1} << (tier % 64);
  }

  static constexpr std::size_t kNone = ~std::size_t{0};
  const Predictions& predictions_;
  std::span<const Tier> tiers_;
  Combine combine_;
  std::vector<std::size_t> slot_;    // [models]: place among those needed
  std::vector<std::size_t> models_;  // needed
  std::size_t rows_ = 0;
  std::vector<float> scores_;        // [needed, rows, classes]
  std::vector<std::int32_t> votes_;  // [needed, rows]
  std::vector<double> by_class_;     // [needed, classes, rows]: the same scores, where tiers are asked together
  std::vector<const double*> columns_;
  std::vector<double> means_;  // [classes, rows]
  std::vector<double> best_;   // [rows]
  std::vector<std::int64_t> answers_;
  std::vector<double> mean_;
  std::vector<const float*> at_;
  std::vector<std::int32_t> votes_of_;
  std::vector<float> given_;
};

}  // namespace

AskedTiers ask_all(const Predictions& predictions, std::span<const Tier> tiers, Combine combine, int threads) {
  AskedTiers out;
  out.tiers = tiers.size();
  out.samples = predictions.samples();
  out.words = (tiers.size() + 511) / 512 * 8;  // whole cache lines
  out.certainty.resize(out.tiers * out.samples);
  out.wrong.resize(out.samples * out.words);
  parallel_for(out.samples, threads, [&](std::size_t begin, std::size_t end) {
    AskedBlock block(predictions, tiers, combine);
    for (std::size_t first = begin; first < end; first += block.rows())
      block.ask(first, std::min(block.rows(), end - first), out);
  });
  out.errors.resize(out.tiers);
  for (std::size_t sample = 0; sample < out.samples; ++sample)
    for (std::size_t word = 0; word < out.words; ++word)
      for (std::uint64_t bits = out.row(sample)[word]; bits != 0; bits &= bits - 1)
        ++out.errors[word * 64 + static_cast<std::size_t>(__builtin_ctzll(bits))];
  return out;
}

}  // namespace quorate
