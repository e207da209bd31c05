// How fast the search decides, from an empty machine to one of so many trials. An item is a decision: one reported loss of
// one rung, with the ask() that led to it.
#include <benchmark/benchmark.h>

#include <array>

#include "quorate/core/random.h"
#include "quorate/search/async_hyperband.h"

namespace quorate {
namespace {

Space space() {
  return Space({{"lr", Float{1e-4, 1e-1, true}},
                {"width", Int{8, 128, true}},
                {"act", Categorical{{std::string("relu"), std::string("gelu")}}}});
}

std::int64_t promote(AsyncHyperband& machine, std::int64_t trials, Random& random) {
  std::array<double, 8> losses{};
  const std::span<double> measured(losses.data(), static_cast<std::size_t>(machine.options().objectives));
  std::int64_t decisions = 0;
  for (; machine.trials() < trials; ++decisions) {
    const Job job = machine.ask();
    for (double& loss : measured) loss = random.uniform();
    machine.tell(job, measured);
  }
  return decisions;
}

std::int64_t stop(AsyncHyperband& machine, std::int64_t trials, Random& random) {
  std::array<double, 8> losses{};
  const std::span<double> measured(losses.data(), static_cast<std::size_t>(machine.options().objectives));
  std::int64_t decisions = 0;
  while (machine.trials() < trials) {
    const Job job = machine.ask();
    bool go_on = true;
    for (int rung = job.bracket; go_on; ++rung, ++decisions) {
      for (double& loss : measured) loss = random.uniform();
      go_on = machine.report(job, machine.rungs()[static_cast<std::size_t>(rung)], measured);
    }
  }
  return decisions;
}

void decide(benchmark::State& state, const HyperbandOptions& options) {
  std::int64_t decisions = 0;
  for (auto _ : state) {
    AsyncHyperband machine(space(), options);
    Random random(1);
    decisions += (options.mode == Mode::kPromote ? promote : stop)(machine, state.range(0), random);
  }
  state.SetItemsProcessed(decisions);
}

void trials(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(decide, promote, {.mode = Mode::kPromote})->Apply(trials);
BENCHMARK_CAPTURE(decide, stop, {.mode = Mode::kStop})->Apply(trials);
BENCHMARK_CAPTURE(decide, promote_sobol, {.mode = Mode::kPromote, .sampling = Sampling::kSobol})->Apply(trials);
BENCHMARK_CAPTURE(decide, promote_2_objectives, {.mode = Mode::kPromote, .objectives = 2})->Apply(trials);
BENCHMARK_CAPTURE(decide, stop_2_objectives, {.mode = Mode::kStop, .objectives = 2})->Apply(trials);
BENCHMARK_CAPTURE(decide, promote_3_objectives, {.mode = Mode::kPromote, .objectives = 3})
    ->Arg(10'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace quorate
