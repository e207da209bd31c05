// The core's inner loops: float16 to float32, random numbers, and what starting threads costs.
#include <benchmark/benchmark.h>

#include <vector>

#include "quorate/core/half.h"
#include "quorate/core/parallel.h"
#include "quorate/core/random.h"

namespace quorate {
namespace {

void half_to_float(benchmark::State& state) {
  std::vector<Half> halves(1 << 16);
  Random random(0);
  for (Half& half : halves) half.bits = static_cast<std::uint16_t>(random.below(0x3c01));  // 0 to 1
  std::vector<float> floats(halves.size());
  for (auto _ : state) {
    for (std::size_t i = 0; i < halves.size(); ++i) floats[i] = to_float(halves[i]);
    benchmark::DoNotOptimize(floats.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(halves.size() * sizeof(Half)));
}
BENCHMARK(half_to_float);

void random_uniform(benchmark::State& state) {
  Random random(0);
  for (auto _ : state) benchmark::DoNotOptimize(random.uniform());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(random_uniform);

void random_below(benchmark::State& state) {
  Random random(0);
  for (auto _ : state) benchmark::DoNotOptimize(random.below(1000));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(random_below);

void parallel_for_of_nothing(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  for (auto _ : state) parallel_for(64, threads, [](std::size_t begin, std::size_t) { benchmark::DoNotOptimize(begin); });
}
BENCHMARK(parallel_for_of_nothing)->Arg(1)->Arg(2)->Arg(8)->UseRealTime();

}  // namespace
}  // namespace quorate
