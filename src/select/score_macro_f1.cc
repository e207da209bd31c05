#include <algorithm>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/glances.h"
#include "select/open_samples.h"
#include "select/pick_sums.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

constexpr std::int32_t kUndecided = -1;

// A sample whose answer may depend on the candidate.
struct Open {
  std::size_t sample = 0;
  std::int32_t top = 0;  // the class of highest sum, the lowest of equals
  double highest = 0.0;
  double next = 0.0;  // the highest sum of the others
};

// The weights of the samples whose truth, or answer, is a class, or both.
struct Counts {
  std::vector<double> answered;  // [classes]
  std::vector<double> right;     // [classes]

  explicit Counts(std::size_t classes) : answered(classes, 0.0), right(classes, 0.0) {}

  void add(std::int32_t answer, std::int32_t label, double weight) {
    answered[static_cast<std::size_t>(answer)] += weight;
    if (answer == label) right[static_cast<std::size_t>(label)] += weight;
  }
};

class MacroF1Scorer final : public Scorer {
 public:
  explicit MacroF1Scorer(const Scoring& scoring)
      : predictions_(scoring.predictions),
        weights_(score_weights(scoring)),
        threads_(scoring.threads),
        glances_(scoring, std::vector<std::int32_t>(predictions_.samples(), kAllClasses)),
        sums_(scoring, std::vector<std::int32_t>(predictions_.samples(), kAllClasses)),
        truth_(predictions_.classes(), 0.0),
        for_all_(predictions_.classes()),
        always_(predictions_.samples(), 0),
        known_(predictions_.models()) {
    for (std::size_t i = 0; i < predictions_.samples(); ++i)
      truth_[static_cast<std::size_t>(predictions_.labels()[i])] += weights_.of[i];
  }

  void clear() override {
    sums_.clear();
    settled_ = false;
  }

  void add(std::size_t model) override {
    sums_.add(model);
    settled_ = false;
  }

  bool remove(std::size_t model) override {
    if (!sums_.remove(model)) return false;
    settled_ = false;
    return true;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    if (!settled_) find_open();
    const int threads = threads_worth(models.size() * (4 * open_.size() + truth_.size()), threads_);
    parallel_for(models.size(), threads, [&](std::size_t begin, std::size_t end) {
      std::vector<Counts> counts(end - begin, for_all_);
      count(models.subspan(begin, end - begin), counts);
      for (std::size_t k = begin; k < end; ++k) {
        const auto m = static_cast<std::size_t>(models[k]);
        known_[m] = losses[m] = loss_of(counts[k - begin]);
      }
    });
  }

  // Counts are exact, and so are shares of them but for the rounding of a sum over classes.
  double error() const override {
    return 0x1p-52 * static_cast<double>((weights_.alike ? 0 : predictions_.samples()) + predictions_.classes() + 4);
  }

  double exact(std::size_t model) override {
    const int only = static_cast<int>(model);
    if (!settled_ || known_[model] < 0.0) score({&only, 1}, known_);
    return known_[model];
  }

 private:
  void count(std::span<const int> models, std::vector<Counts>& counts) const {
    std::vector<float> scores(predictions_.classes());
    // Apart, so that each sum is in the order of the samples, whichever other candidates are counted beside it.
    std::vector<Counts> from_rows(counts.size(), Counts(predictions_.classes()));
    OpenPairs by_row([&](OpenPair pair) {
      const std::size_t sample = open_[pair.open].sample;
      predictions_.read(static_cast<std::size_t>(models[pair.candidate]), sample, 1, scores.data());
      from_rows[pair.candidate].add(answer_with(sums_[sample], scores), predictions_.labels()[sample], weights_.of[sample]);
    });
    for (std::size_t o = 0; o < open_.size(); ++o) {
      const Open& open = open_[o];
      const Glances::Models of = glances_[open.sample];
      for (std::size_t k = 0; k < models.size(); ++k) {
        const auto m = static_cast<std::size_t>(models[k]);
        const std::int32_t answer = sure_answer(open, double{of.best[m]}, double{of.second[m]}, of.place[m]);
        if (answer == kUndecided) {
          fetch_scores(predictions_, m, open.sample, 0, scores.size());
          by_row.push({o, k});
        } else {
          counts[k].add(answer, predictions_.labels()[open.sample], weights_.of[open.sample]);
        }
      }
    }
    by_row.flush();
    for (std::size_t k = 0; k < counts.size(); ++k)
      for (std::size_t c = 0; c < predictions_.classes(); ++c) {
        counts[k].answered[c] += from_rows[k].answered[c];
        counts[k].right[c] += from_rows[k].right[c];
      }
  }

  // With a candidate whose highest score is `best`, of class `place`, and whose others are at most `second`: all classes but
  // the candidate's and the picks' own have at most the picks' next sum and the candidate's second score.
  std::int32_t sure_answer(const Open& open, double best, double second, std::int32_t place) const {
    const double tie = sums_.tie();
    if (place == open.top) return open.highest + best > open.next + second + tie ? place : kUndecided;
    const double there = sums_[open.sample][static_cast<std::size_t>(place)] + best;
    if (there > open.highest + second + tie) return place;
    return open.highest + sums_.lowest() > std::max(there, open.next + second) + tie ? open.top : kUndecided;
  }

  std::int32_t answer_with(std::span<const double> sums, const std::vector<float>& scores) const {
    double highest = sums[0] + double{scores[0]};
    for (std::size_t c = 1; c < scores.size(); ++c) highest = std::max(highest, sums[c] + double{scores[c]});
    std::size_t answer = 0;
    while (sums[answer] + double{scores[answer]} < highest - sums_.tie()) ++answer;
    return static_cast<std::int32_t>(answer);
  }

  double loss_of(const Counts& counts) const {
    double sum = 0.0, present = 0.0;
    for (std::size_t c = 0; c < truth_.size(); ++c) {
      const double either = truth_[c] + counts.answered[c];
      if (either <= 0.0) continue;
      sum += 2.0 * counts.right[c] / either;
      present += 1.0;
    }
    return 1.0 - sum / present;
  }

  void find_open() {
    sums_.settle(always_, [](std::size_t, std::span<const std::uint32_t>) {});
    settled_ = true;
    std::fill(known_.begin(), known_.end(), -1.0);
    open_.clear();
    for_all_ = Counts(predictions_.classes());
    for (std::size_t i = 0; i < predictions_.samples(); ++i) {
      if (weights_.of[i] == 0.0) continue;
      const auto [highest, next] = sums_.highest(i);
      const auto top = static_cast<std::int32_t>(std::find(sums_[i].begin(), sums_[i].end(), highest) - sums_[i].begin());
      if (highest + sums_.lowest() > next + double{glances_.extremes(i).best_most} + 2.0 * sums_.tie())
        for_all_.add(top, predictions_.labels()[i], weights_.of[i]);
      else
        open_.push_back({i, top, highest, next});
    }
  }

  const Predictions& predictions_;
  ScoreWeights weights_;
  int threads_;
  Glances glances_;
  PickSums sums_;
  bool settled_ = false;               // whether what follows is of the picks
  std::vector<double> truth_;          // [classes]: the weight of its samples
  Counts for_all_;                     // of the samples whose answer no candidate changes
  std::vector<std::uint32_t> always_;  // [samples]: 0
  std::vector<Open> open_;             // the others, ascending
  std::vector<double> known_;          // [models]: the loss of the picks and one more; negative where not asked for yet
};

}  // namespace

std::unique_ptr<Scorer> make_macro_f1_scorer(const Scoring& scoring) { return std::make_unique<MacroF1Scorer>(scoring); }

}  // namespace quorate
