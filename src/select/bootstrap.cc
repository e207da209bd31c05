#include "select/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "quorate/core/parallel.h"
#include "quorate/core/random.h"
#include "select/cpu.h"

namespace quorate {
namespace {

constexpr std::size_t kLanes = 8;      // draws at once: the weight of a sample in each of them is one cache line
constexpr std::size_t kSamples = 256;  // whose weights stay in the first cache while all results are gone through
using Lanes = std::array<double, kLanes>;

// The weights of all samples in kLanes draws.
class Draws {
 public:
  Draws(const Resampling& how, std::size_t samples) : how_(how), counts_(kLanes * samples), weights_(samples) {}

  void fill(std::size_t first_draw) {
    const std::size_t samples = weights_.size();
    std::fill(counts_.begin(), counts_.end(), 0u);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      Random random(how_.seed, first_draw + lane);
      std::uint32_t* counts = counts_.data() + lane * samples;
      for (std::size_t i = 0; i < samples; ++i) ++counts[random.below(samples)];
    }
    for (std::size_t i = 0; i < samples; ++i) {
      const double weight = how_.sample_weight.empty() ? 1.0 : how_.sample_weight[i];
      for (std::size_t lane = 0; lane < kLanes; ++lane) weights_[i][lane] = weight * counts_[lane * samples + i];
    }
  }

  // For balanced accuracy: each class that was drawn gets the same sum.
  void balance() {
    std::vector<Lanes> sums(how_.classes, Lanes{});
    const auto sum_of = [&](std::size_t i) -> Lanes& { return sums[static_cast<std::size_t>(how_.labels[i])]; };
    for (std::size_t i = 0; i < weights_.size(); ++i)
      for (std::size_t lane = 0; lane < kLanes; ++lane) sum_of(i)[lane] += weights_[i][lane];
    for (Lanes& sum : sums)
      for (double& of_lane : sum) of_lane = of_lane > 0.0 ? 1.0 / of_lane : 0.0;
    for (std::size_t i = 0; i < weights_.size(); ++i)
      for (std::size_t lane = 0; lane < kLanes; ++lane) weights_[i][lane] *= sum_of(i)[lane];
  }

  const std::vector<Lanes>& weights() const { return weights_; }

 private:
  const Resampling& how_;
  std::vector<std::uint32_t> counts_;  // [kLanes, samples]
  std::vector<Lanes> weights_;
};

// Adds weights x losses of `count` samples to the sums of each result. Products and sums are not fused and each sum has its
// own lane: the same bits on any processor.
struct AddProducts {
  template <int kBytes>
  [[gnu::always_inline]] static void run(const Lanes* weights, std::size_t count, std::span<const SampleResults> results,
                                         std::size_t first, Lanes* sums) {
    constexpr std::size_t kTile = kBytes >= 32 ? 4 : 2;  // results whose sums fit the registers
    std::size_t k = 0;
    for (; k + kTile <= results.size(); k += kTile) add<kTile>(weights, count, &results[k], first, sums + k);
    for (; k < results.size(); ++k) add<1>(weights, count, &results[k], first, sums + k);
  }

 private:
  template <std::size_t kTile>
  [[gnu::always_inline]] static void add(const Lanes* weights, std::size_t count, const SampleResults* results,
                                         std::size_t first, Lanes* sums) {
    Lanes local[kTile];
    const double* losses[kTile];
    for (std::size_t k = 0; k < kTile; ++k) {
      local[k] = sums[k];
      losses[k] = results[k].losses.data() + first;
    }
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < kTile; ++k)
        for (std::size_t lane = 0; lane < kLanes; ++lane) local[k][lane] += weights[i][lane] * losses[k][i];
    for (std::size_t k = 0; k < kTile; ++k) sums[k] = local[k];
  }
};

// The weighted means of all results' losses.
std::vector<Lanes> weighted_means(std::span<const Lanes> weights, std::span<const SampleResults> results) {
  std::vector<Lanes> means(results.size(), Lanes{});
  Lanes total{};
  for (std::size_t first = 0; first < weights.size(); first += kSamples) {
    const auto block = weights.subspan(first, std::min(kSamples, weights.size() - first));
    run_unfused<AddProducts>(block.data(), block.size(), results, first, means.data());
    for (const Lanes& weight : block)
      for (std::size_t lane = 0; lane < kLanes; ++lane) total[lane] += weight[lane];
  }
  for (Lanes& mean : means)
    for (std::size_t lane = 0; lane < kLanes; ++lane) mean[lane] /= total[lane];
  return means;
}

// Samples in the order of their answers, the right ones of a class before the wrong ones, so that a class's sums are taken
// over neighbours.
struct ByAnswer {
  std::vector<std::uint32_t> samples;
  std::vector<std::size_t> bounds;  // [2 classes + 1]: right answers c in [bounds[2c], bounds[2c + 1]), wrong ones after

  ByAnswer(const SampleResults& results, const Resampling& how)
      : samples(results.answers.size()), bounds(2 * how.classes + 1) {
    const auto group = [&](std::size_t i) {
      return 2 * static_cast<std::size_t>(results.answers[i]) + (results.answers[i] == how.labels[i] ? 0 : 1);
    };
    for (std::size_t i = 0; i < samples.size(); ++i) ++bounds[group(i) + 1];
    for (std::size_t g = 1; g < bounds.size(); ++g) bounds[g] += bounds[g - 1];
    std::vector<std::size_t> next = bounds;
    for (std::size_t i = 0; i < samples.size(); ++i) samples[next[group(i)]++] = static_cast<std::uint32_t>(i);
  }

  Lanes sum(std::span<const Lanes> weights, std::size_t group) const {
    Lanes total{};
    for (std::size_t at = bounds[group]; at < bounds[group + 1]; ++at)
      for (std::size_t lane = 0; lane < kLanes; ++lane) total[lane] += weights[samples[at]][lane];
    return total;
  }
};

std::vector<Lanes> macro_f1_losses(std::span<const Lanes> weights, const Resampling& how,
                                   std::span<const ByAnswer> results) {
  std::vector<Lanes> of_class(how.classes, Lanes{});  // TP + FN
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      of_class[static_cast<std::size_t>(how.labels[i])][lane] += weights[i][lane];
  std::vector<Lanes> losses(results.size());
  for (std::size_t k = 0; k < results.size(); ++k) {
    Lanes sum{}, present{};
    for (std::size_t c = 0; c < how.classes; ++c) {
      const Lanes right = results[k].sum(weights, 2 * c), wrong = results[k].sum(weights, 2 * c + 1);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double all = of_class[c][lane] + right[lane] + wrong[lane];  // 2 TP + FP + FN
        sum[lane] += all > 0.0 ? 2.0 * right[lane] / all : 0.0;
        present[lane] += all > 0.0 ? 1.0 : 0.0;
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) losses[k][lane] = 1.0 - sum[lane] / present[lane];
  }
  return losses;
}

}  // namespace

std::vector<std::vector<double>> bootstrap(const Resampling& how, std::span<const SampleResults> results) {
  const bool macro_f1 = how.metric == Metric::kMacroF1;
  const std::size_t samples = macro_f1 ? results[0].answers.size() : results[0].losses.size();
  const auto draws = static_cast<std::size_t>(how.draws);
  std::vector<ByAnswer> by_answer;
  if (macro_f1)
    for (const SampleResults& one : results) by_answer.emplace_back(one, how);

  std::vector<std::vector<double>> losses(results.size(), std::vector<double>(draws));
  parallel_for((draws + kLanes - 1) / kLanes, how.threads, [&](std::size_t begin, std::size_t end) {
    Draws lanes(how, samples);
    for (std::size_t block = begin; block < end; ++block) {
      lanes.fill(block * kLanes);
      if (how.metric == Metric::kBalancedAccuracy) lanes.balance();
      const std::vector<Lanes> of_block =
          macro_f1 ? macro_f1_losses(lanes.weights(), how, by_answer) : weighted_means(lanes.weights(), results);
      for (std::size_t k = 0; k < results.size(); ++k)
        for (std::size_t lane = 0; lane < kLanes && block * kLanes + lane < draws; ++lane)
          losses[k][block * kLanes + lane] = of_block[k][lane];
    }
  });
  return losses;
}

double quantile(std::span<double> values, double q) {
  const double place = static_cast<double>(values.size() - 1) * q;
  const auto below = static_cast<std::size_t>(place);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(below), values.end());
  const double low = values[below];
  if (below + 1 == values.size()) return low;
  const double high = *std::min_element(values.begin() + static_cast<std::ptrdiff_t>(below) + 1, values.end());
  return low + (place - static_cast<double>(below)) * (high - low);
}

}  // namespace quorate
