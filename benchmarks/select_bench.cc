// Selection from 50 generated models on 2,000 samples of 20 classes, and a metric of one ensemble.
#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "quorate/core/random.h"
#include "quorate/select/select.h"

namespace quorate {
namespace {

constexpr std::size_t kModels = 50;
constexpr std::size_t kSamples = 2000;
constexpr std::size_t kClasses = 20;

// What models share, what is their own, and a lead for the truth.
Predictions generated() {
  Random random(0);
  std::vector<std::int32_t> labels(kSamples);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(kClasses));
  std::vector<double> shared(kSamples * kClasses);
  for (double& value : shared) value = random.normal();
  for (std::size_t i = 0; i < kSamples; ++i) shared[i * kClasses + static_cast<std::size_t>(labels[i])] += 2.0;

  auto probs = std::make_shared<std::vector<float>>(kModels * shared.size());
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < kModels; ++m) {
    float* of_model = probs->data() + m * shared.size();
    models.push_back({static_cast<const float*>(of_model), probs});
    for (std::size_t i = 0; i < kSamples; ++i) {
      float* row = of_model + i * kClasses;
      for (std::size_t c = 0; c < kClasses; ++c)
        row[c] = static_cast<float>(std::exp(shared[i * kClasses + c] + random.normal()));
      const float sum = std::accumulate(row, row + kClasses, 0.0f);
      for (std::size_t c = 0; c < kClasses; ++c) row[c] /= sum;
    }
  }
  return Predictions::from_probabilities(std::move(models), kSamples, kClasses, std::move(labels));
}

std::vector<double> ascending_cost() {
  std::vector<double> cost(kModels);
  std::iota(cost.begin(), cost.end(), 1.0);
  return cost;
}

void named(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"metric", "threads"})
      ->ArgsProduct({{0, 1, 2, 3, 4}, {1, 2}})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

void greedy_of_16(benchmark::State& state) {
  const Predictions predictions = generated();
  const std::vector<double> cost = ascending_cost();
  const SelectOptions options{.metric = static_cast<Metric>(state.range(0)), .threads = static_cast<int>(state.range(1))};
  for (auto _ : state) benchmark::DoNotOptimize(greedy(predictions, cost, options).picks.data());
  state.SetLabel(name_of(options.metric));
}
BENCHMARK(greedy_of_16)->Apply(named);

void whole_front(benchmark::State& state) {
  const Predictions predictions = generated();
  const std::vector<double> cost = ascending_cost();
  const SelectOptions options{.metric = static_cast<Metric>(state.range(0)), .threads = static_cast<int>(state.range(1))};
  for (auto _ : state) benchmark::DoNotOptimize(select(predictions, cost, options).size());
  state.SetLabel(name_of(options.metric));
}
BENCHMARK(whole_front)->Apply(named);

void loss_of_four(benchmark::State& state) {
  const Predictions predictions = generated();
  const Ensemble ensemble{.members = {0, 1, 2, 3}, .weights = {0.25, 0.25, 0.25, 0.25}};
  const auto metric = static_cast<Metric>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(loss(metric, predictions, ensemble, static_cast<int>(state.range(1))));
  state.SetLabel(name_of(metric));
}
BENCHMARK(loss_of_four)->Apply(named);

}  // namespace
}  // namespace quorate
