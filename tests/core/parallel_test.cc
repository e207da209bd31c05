#include "quorate/core/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

namespace quorate {
namespace {

std::set<std::pair<std::size_t, std::size_t>> ranges(std::size_t count, int threads) {
  std::mutex mutex;
  std::set<std::pair<std::size_t, std::size_t>> result;
  parallel_for(count, threads, [&](std::size_t begin, std::size_t end) {
    const std::lock_guard lock(mutex);
    result.emplace(begin, end);
  });
  return result;
}

TEST(ParallelFor, CoversEveryIndexOnce) {
  for (const int threads : {0, 1, 2, 3, 7, 16})
    for (const std::size_t count : {0u, 1u, 2u, 5u, 16u, 100u, 1001u}) {
      std::vector<std::atomic<int>> visits(count);
      parallel_for(count, threads, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) ++visits[i];
      });
      EXPECT_TRUE(std::ranges::all_of(visits, [](int visited) { return visited == 1; })) << count << " on " << threads;
    }
}

TEST(ParallelFor, RangesDependOnCountAndThreadsAlone) {
  EXPECT_EQ(ranges(10, 3), ranges(10, 3));
  EXPECT_EQ(ranges(10, 3).size(), 3u);
  EXPECT_EQ(ranges(2, 8).size(), 2u) << "no thread without work";
  EXPECT_EQ(ranges(100, 0).size(), static_cast<std::size_t>(std::min(100, available_cores())));
}

TEST(ParallelFor, AnExceptionReachesTheCallerAfterAllBodiesEnd) {
  for (const std::size_t wrong : {0u, 1u, 2u, 3u}) {
    std::atomic<int> ended = 0;
    const auto run = [&] {
      parallel_for(4, 4, [&](std::size_t begin, std::size_t) {
        if (begin == wrong) throw std::runtime_error("body failed");
        ++ended;
      });
    };
    EXPECT_THAT(run, testing::ThrowsMessage<std::runtime_error>(testing::StrEq("body failed")));
    EXPECT_EQ(ended, 3);
  }
}

TEST(AvailableCores, IsAtLeastOne) { EXPECT_GE(available_cores(), 1); }

}  // namespace
}  // namespace quorate
