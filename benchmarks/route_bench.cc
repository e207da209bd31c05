// What a running cascade spends on a decision, and the search for cascades, on generated classifiers.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/route/decide.h"
#include "quorate/route/find_cascades.h"

namespace quorate {
namespace {

constexpr std::size_t kRows = 1024;

// Scores [models][rows * classes] that lean towards one class each.
std::vector<std::vector<float>> generated(std::size_t models, std::size_t rows, std::size_t classes,
                                          std::vector<std::int32_t>& labels) {
  Random random(0);
  labels.resize(rows);
  std::vector<double> shared(rows * classes);
  for (double& value : shared) value = random.normal();
  for (std::size_t row = 0; row < rows; ++row) {
    labels[row] = static_cast<std::int32_t>(random.below(classes));
    shared[row * classes + static_cast<std::size_t>(labels[row])] += 2.0;
  }
  std::vector<std::vector<float>> scores(models, std::vector<float>(rows * classes));
  for (std::size_t m = 0; m < models; ++m)
    for (std::size_t row = 0; row < rows; ++row) {
      float* of_row = scores[m].data() + row * classes;
      const double skill = 0.5 + static_cast<double>(m) / static_cast<double>(models);
      for (std::size_t c = 0; c < classes; ++c)
        of_row[c] = static_cast<float>(std::exp(skill * shared[row * classes + c] + 0.7 * random.normal()));
      const float sum = std::accumulate(of_row, of_row + classes, 0.0f);
      for (std::size_t c = 0; c < classes; ++c) of_row[c] /= sum;
    }
  return scores;
}

void decision(benchmark::State& state) {
  const auto signal = static_cast<Signal>(state.range(0));
  const auto members = static_cast<std::size_t>(state.range(1));
  const auto classes = static_cast<std::size_t>(state.range(2));
  std::vector<std::int32_t> labels;
  const auto scores = generated(members, kRows, classes, labels);
  Tier tier{.members = {}, .weights = {}, .signal = signal, .threshold = 0.8};
  for (std::size_t m = 0; m < members; ++m) {
    tier.members.push_back(static_cast<int>(m));
    tier.weights.push_back(1.0 / static_cast<double>(members));
  }
  std::vector<const float*> at(members);
  std::vector<double> mean(classes);
  std::size_t row = 0;
  for (auto _ : state) {
    for (std::size_t m = 0; m < members; ++m) at[m] = scores[m].data() + row * classes;
    benchmark::DoNotOptimize(decide(tier, at, mean).stop);
    row = (row + 1) % kRows;
  }
  state.SetLabel(to_string(signal));
}
BENCHMARK(decision)->ArgNames({"signal", "members", "classes"})->ArgsProduct({{0, 1, 2, 3, 4}, {1, 3}, {10, 100}});

void search(benchmark::State& state) {
  const auto models = static_cast<std::size_t>(state.range(1));
  const auto samples = static_cast<std::size_t>(state.range(2));
  constexpr std::size_t kClasses = 10;
  std::vector<std::int32_t> labels;
  std::vector<Predictions::Model> arrays;
  for (auto& scores : generated(models, samples, kClasses, labels)) {
    const auto owner = std::make_shared<const std::vector<float>>(std::move(scores));
    arrays.push_back({owner->data(), owner});
  }
  const Predictions predictions = Predictions::from_probabilities(std::move(arrays), samples, kClasses, labels);
  std::vector<double> cost(models);
  for (std::size_t m = 0; m < models; ++m) cost[m] = std::pow(50.0, static_cast<double>(m) / static_cast<double>(models));
  const CascadeOptions options{.max_depth = static_cast<int>(state.range(0))};
  for (auto _ : state) benchmark::DoNotOptimize(find_cascades(predictions, cost, options).size());
}
BENCHMARK(search)
    ->ArgNames({"depth", "models", "samples"})
    ->Args({2, 20, 25000})
    ->Args({3, 8, 2000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace quorate
