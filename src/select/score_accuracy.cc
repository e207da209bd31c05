#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "quorate/core/parallel.h"
#include "select/cpu.h"
#include "select/glances.h"
#include "select/look.h"
#include "select/open_samples.h"
#include "select/pick_sums.h"
#include "select/score_weights.h"
#include "select/scorers.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = Glances::kLanes;
constexpr std::int32_t kLongest = 100;  // changes of the picks that a sample is left alone for

// Whether the true class answers when `scores` are added.
struct Decide {
  template <int>
  [[gnu::always_inline]] static void run(const double* sums, const float* scores, std::size_t classes, std::size_t label,
                                         double tie, bool* right) {
    const double t = sums[label] + double{scores[label]};
    std::int64_t beaten = 0;
    for (std::size_t c = 0; c < label; ++c) beaten |= sums[c] + double{scores[c]} >= t - tie ? 1 : 0;
    for (std::size_t c = label + 1; c < classes; ++c) beaten |= sums[c] + double{scores[c]} > t + tie ? 1 : 0;
    *right = beaten == 0;
  }
};

// How many changes may go by, the first being any candidate of now, before a lead that falls by up to `fall` with each may
// be used up: up to kLongest. `margin` covers the rounding of the sums and what counts as a tie.
struct ChangesWithin {
  template <int>
  [[gnu::always_inline]] static void run(const double* leads, const double* falls, std::size_t count, double margin,
                                         std::int32_t* changes) {
    for (std::size_t k = 0; k < count; ++k) {
      const double spare = leads[k] - margin, times = spare / falls[k];
      const double some = falls[k] <= 0.0 || times >= kLongest ? double{kLongest} : times;
      changes[k] = static_cast<std::int32_t>(spare > falls[k] ? some : 0.0);
    }
  }
};

// In lanes, so that each addition does not wait for the one before.
double sum_of(std::span<const double> values) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane];
  for (; i < values.size(); ++i) lanes[0] += values[i];
  return std::accumulate(std::begin(lanes), std::end(lanes), 0.0);
}

class AccuracyScorer final : public Scorer {
 public:
  explicit AccuracyScorer(const Scoring& scoring)
      : predictions_(scoring.predictions),
        weights_(scoring.metric == Metric::kBalancedAccuracy ? balanced_weights(scoring) : score_weights(scoring)),
        threads_(scoring.threads),
        glances_(scoring, predictions_.labels()),
        sums_(scoring, predictions_.labels()),
        wake_(predictions_.samples(), 0),
        wrong_weight_(predictions_.samples(), 0.0),
        known_(predictions_.models()) {}

  void clear() override {
    sums_.clear();
    wake_all();
  }

  void add(std::size_t model) override {
    sums_.add(model);
    settled_ = false;
  }

  bool remove(std::size_t model) override {
    if (!sums_.remove(model)) return false;
    if (!takes_back_) wake_all();
    takes_back_ = true;
    settled_ = false;
    return true;
  }

  void score(std::span<const int> models, std::span<double> losses) override {
    if (models.empty()) return;
    if (!settled_) find_open();
    const auto [least, most] = std::minmax_element(models.begin(), models.end());
    const std::size_t first = static_cast<std::size_t>(*least) / kLanes, last = static_cast<std::size_t>(*most) / kLanes;
    std::vector<char> asked(glances_.padded(), 0);
    for (const int model : models) asked[static_cast<std::size_t>(model)] = 1;
    std::vector<Wrong> wrong(glances_.padded());
    std::vector<double> at_a_look(glances_.padded(), 0.0);
    const std::size_t blocks = last - first + 1;
    parallel_for(blocks, threads_worth(blocks * kLanes * open_.size(), threads_), [&](std::size_t begin, std::size_t end) {
      count_wrong((first + begin) * kLanes, (first + end) * kLanes, asked, at_a_look, wrong);
    });
    for (const int model : models) {
      const auto m = static_cast<std::size_t>(model);
      known_[m] = losses[m] = (wrong_for_all_ + (at_a_look[m] + wrong[m].by_rival + wrong[m].by_row)) / weights_.total;
    }
  }

  // Counts are exact; sums of weights, in an order of their own, are not.
  double error() const override { return weights_.alike ? 0.0 : 0x1p-52 * static_cast<double>(predictions_.samples() + 4); }

  double exact(std::size_t model) override {
    const int only = static_cast<int>(model);
    if (!settled_ || known_[model] < 0.0) score({&only, 1}, known_);
    return known_[model];
  }

 private:
  // A candidate's weight of wrong answers. Apart, as each is a sum in the order of the samples, whichever other candidates
  // are counted beside it.
  struct Wrong {
    double by_rival = 0.0;
    double by_row = 0.0;
  };

  void count_wrong(std::size_t begin, std::size_t end, const std::vector<char>& asked, std::vector<double>& at_a_look,
                   std::vector<Wrong>& wrong) const {
    const std::size_t classes = predictions_.classes();
    const double tie = sums_.tie(), lowest = sums_.lowest();
    std::vector<float> scores(classes);
    OpenPairs by_row([&](OpenPair pair) {
      const OpenSample& open = open_[pair.open];
      predictions_.read(pair.candidate, open.sample, 1, scores.data());
      bool right = false;
      run_widest<Decide>(sums_[open.sample].data(), static_cast<const float*>(scores.data()), classes, open.label,
                         sums_.tie(), &right);
      if (!right) wrong[pair.candidate].by_row += open.weight;
    });
    OpenPairs by_rival([&](OpenPair pair) {
      const OpenSample& open = open_[pair.open];
      switch (with_rival(open, pair.candidate)) {
        case Sure::kRight:
          return;
        case Sure::kWrong:
          wrong[pair.candidate].by_rival += open.weight;
          return;
        case Sure::kNot:
          fetch_scores(predictions_, pair.candidate, open.sample, 0, classes);
          by_row.push(pair);
      }
    });
    std::vector<std::int8_t> undecided(glances_.padded());
    for (std::size_t k = 0; k < open_.size(); ++k) {
      const OpenSample& open = open_[k];
      look({open, sums_[open.sample].data(), lowest, tie}, glances_[open.sample], begin, end, at_a_look.data(),
           undecided.data());
      for (std::size_t block = begin; block < end; block += kLanes) {
        std::uint64_t some = 0;
        static_assert(sizeof some == kLanes);
        std::memcpy(&some, undecided.data() + block, sizeof some);
        for (std::size_t m = block; some != 0 && m < block + kLanes; ++m) {
          if (undecided[m] == 0 || asked[m] == 0) continue;
          fetch_scores(predictions_, m, open.sample, open.place, open.place + 1);
          by_rival.push({k, m});
        }
      }
    }
    by_rival.flush();
    by_row.flush();
  }

  enum class Sure { kRight, kWrong, kNot };

  // For a candidate that its best other class does not decide, with its score of the rival.
  Sure with_rival(const OpenSample& open, std::size_t model) const {
    const Glances::Models models = glances_[open.sample];
    const double tie = sums_.tie();
    const double t = open.truth + double{models.own[model]};
    const double there = open.rival + double{predictions_.score(model, open.sample, open.place)};
    if (t < there + (open.place < open.label ? tie : -tie)) return Sure::kWrong;
    return t > open.next + double{models.second[model]} + tie ? Sure::kRight : Sure::kNot;
  }

  void wake_all() {
    std::fill(wake_.begin(), wake_.end(), 0);
    settled_ = false;
  }

  void find_open() {
    std::fill(known_.begin(), known_.end(), -1.0);
    const Chunks& chunks = sums_.chunks();
    std::vector<std::vector<OpenSample>> open(chunks.count());
    std::vector<double> wrong(chunks.count(), 0.0);
    sums_.settle(wake_, [&](std::size_t chunk, std::span<const std::uint32_t> awake) {
      const auto [first, rows] = chunks[chunk];
      find_open(awake, open[chunk]);
      wrong[chunk] = sum_of(std::span<const double>(wrong_weight_).subspan(first, rows));
    });
    settled_ = true;
    open_.clear();
    wrong_for_all_ = 0.0;
    for (const auto& of_chunk : open) open_.insert(open_.end(), of_chunk.begin(), of_chunk.end());
    for (const double of_chunk : wrong) wrong_for_all_ += of_chunk;
  }

  // Which of those that are awake stay so; the others are told how long to sleep.
  void find_open(std::span<const std::uint32_t> awake, std::vector<OpenSample>& open) {
    constexpr std::size_t kAtATime = 64;
    double lead[kAtATime], behind[kAtATime], right_falls[kAtATime], wrong_falls[kAtATime];
    std::int32_t right[kAtATime], wrong[kAtATime];
    const double margin = 1e-9 * (1.0 + static_cast<double>(sums_.picks()));
    for (; !awake.empty(); awake = awake.subspan(std::min(kAtATime, awake.size()))) {
      const auto samples = awake.first(std::min(kAtATime, awake.size()));
      for (std::size_t k = 0; k < samples.size(); ++k) {
        const std::uint32_t sample = samples[k];
        const auto label = static_cast<std::size_t>(predictions_.labels()[sample]);
        lead[k] = sums_[sample][label] - sums_.highest(sample).first;
        behind[k] = -lead[k];
        std::tie(right_falls[k], wrong_falls[k]) = falls_of(sample);
      }
      run_widest<ChangesWithin>(+lead, +right_falls, samples.size(), margin, +right);
      run_widest<ChangesWithin>(+behind, +wrong_falls, samples.size(), margin, +wrong);
      for (std::size_t k = 0; k < samples.size(); ++k) {
        const std::uint32_t sample = samples[k];
        wrong_weight_[sample] = right[k] == 0 && wrong[k] > 0 ? weights_.of[sample] : 0.0;
        wake_[sample] = sums_.changes() + static_cast<std::uint32_t>(std::max(right[k], wrong[k]));
        if (right[k] == 0 && wrong[k] == 0) open.push_back(open_sample(sample));
      }
    }
  }

  // By how much at most a change of the picks may lower the lead of the truth over its rival, and raise it. A pick moves it
  // by no less than `ahead_least`, and by no more than the highest score of the truth and the lowest of the rival. One that
  // is taken back moves it by no less than those with the opposite sign, and by no more than the highest score of the rival
  // and the lowest of the truth. A sample without weight never matters.
  std::pair<double, double> falls_of(std::size_t sample) const {
    if (weights_.of[sample] == 0.0) return {-std::numeric_limits<double>::infinity(), 0.0};
    const Glances::Extremes& extremes = glances_.extremes(sample);
    const double own_most = double{extremes.own_most} - sums_.lowest();
    if (!takes_back_) return {-extremes.ahead_least, own_most};
    return {std::max(-extremes.ahead_least, own_most), std::max(double{extremes.best_most} - sums_.lowest(), own_most)};
  }

  OpenSample open_sample(std::size_t sample) const {
    const auto label = static_cast<std::size_t>(predictions_.labels()[sample]);
    const std::span<const double> sums = sums_[sample];
    const auto [rival, next] = sums_.highest(sample);
    std::size_t place = 0;
    while (sums[place] != rival || place == label) ++place;
    const bool lower = std::any_of(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(label),
                                   [&](double sum) { return sum >= rival - 3.0 * sums_.tie(); });
    return {sample, label, weights_.of[sample], sums[label], rival, next, place, lower};
  }

  const Predictions& predictions_;
  ScoreWeights weights_;
  int threads_;
  Glances glances_;
  PickSums sums_;
  bool takes_back_ = false;           // whether picks were ever taken back: samples are then left alone for less long
  bool settled_ = false;              // whether what follows is of the picks
  std::vector<std::uint32_t> wake_;   // [samples]: at so many changes a sample may be open again
  std::vector<double> wrong_weight_;  // [samples]: its weight where it is wrong with any candidate, else 0
  std::vector<OpenSample> open_;      // ascending samples
  double wrong_for_all_ = 0.0;        // the weight of the samples that are wrong with any candidate
  std::vector<double> known_;         // [models]: the loss of the picks and one more; negative where not asked for yet
};

}  // namespace

std::unique_ptr<Scorer> make_accuracy_scorer(const Scoring& scoring) { return std::make_unique<AccuracyScorer>(scoring); }

}  // namespace quorate
