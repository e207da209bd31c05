// What runs for every sample in production takes no memory: counted by this program's own operator new.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "quorate/route/decide.h"
#include "quorate/route/rank_martingale.h"
#include "quorate/route/router.h"
#include "route/small.h"

namespace {
thread_local std::size_t allocations = 0;
}

// Not inlined: where only one of a pair is, GCC takes it for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes > 0 ? bytes : 1);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace quorate {
namespace {

TEST(Allocation, IsCounted) {
  const std::size_t before = allocations;
  const auto one = std::make_unique<std::vector<int>>(3);
  EXPECT_EQ(allocations, before + 2);
}

TEST(Allocation, NoDecisionNeedsAny) {
  Random random(0);
  for (const std::size_t members : {1, 3, 16, 20})
    for (const std::size_t classes : {1, 2, 100}) {
      const Predictions predictions = test::random_probabilities(random, members, 4, classes);
      std::vector<float> scores(members * classes);
      std::vector<const float*> at;
      Tier tier;
      for (std::size_t m = 0; m < members; ++m) {
        predictions.read(m, 1, 1, scores.data() + m * classes);
        at.push_back(scores.data() + m * classes);
        tier.members.push_back(static_cast<int>(m));
        tier.weights.push_back(1.0 / static_cast<double>(members));
      }
      std::vector<double> mean(classes);
      const std::vector<float> given(members, 0.5f);
      for (int signal = 0; signal < 6; ++signal)
        for (int combine = 0; combine < 3; ++combine) {
          tier.signal = static_cast<Signal>(signal);
          const std::size_t before = allocations;
          decide(tier, at, mean, static_cast<Combine>(combine), 0, given);
          decide(tier, at, mean, static_cast<Combine>(combine), 1, given);
          ASSERT_EQ(allocations, before) << to_string(tier.signal) << ", " << members << " members";
        }
    }
}

TEST(Allocation, NeitherRoutingNorWatchingNeedsAny) {
  const Router router{
      .entries = {{{0.5, -0.5, 0.1}, {0.1, 0.2, 0.3}, 1.0, 2.0}, {{0.1, 0.2, 0.3}, {0.0, 0.0, 0.0}, 2.0, 2.0}},
      .trade_off = 0.1};
  RankMartingale watched(100, shape_bets());
  for (std::size_t cell = 0; cell < 100; ++cell) watched.calibrate(cell);
  const std::vector<double> features = {0.3, 0.7};
  const std::size_t before = allocations;
  EXPECT_GE(router.entry(features), 0);
  for (std::size_t cell = 0; cell < 100; ++cell) watched.observe(cell, 0.5);
  EXPECT_EQ(allocations, before);
}

}  // namespace
}  // namespace quorate
