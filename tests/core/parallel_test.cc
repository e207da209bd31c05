#include "quorate/core/parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
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

// Bodies wait for each other, or one thread might do the work of several.
std::set<std::thread::id> threads_of_a_call(int threads) {
  std::mutex mutex;
  std::latch all_there(threads);
  std::set<std::thread::id> result;
  parallel_for(static_cast<std::size_t>(threads), threads, [&](std::size_t, std::size_t) {
    all_there.arrive_and_wait();
    const std::lock_guard lock(mutex);
    result.insert(std::this_thread::get_id());
  });
  return result;
}

TEST(ParallelFor, ThreadsAreKept) {
  const std::set<std::thread::id> first = threads_of_a_call(4);
  EXPECT_EQ(first.size(), 4u);
  EXPECT_TRUE(first.contains(std::this_thread::get_id()));
  for (int call = 0; call < 100; ++call) ASSERT_EQ(threads_of_a_call(4), first);
  EXPECT_TRUE(std::ranges::includes(first, threads_of_a_call(3)));
}

TEST(ParallelFor, CallsFromSeveralThreadsAndWithinBodiesDoNotMeet) {
  constexpr std::size_t kCallers = 4, kCalls = 50, kCount = 64;
  std::vector<std::atomic<int>> visits(kCallers * kCount * kCount);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < kCallers; ++caller)
    callers.emplace_back([&, caller] {
      for (std::size_t call = 0; call < kCalls; ++call)
        parallel_for(kCount, 2, [&](std::size_t begin, std::size_t end) {
          for (std::size_t i = begin; i < end; ++i)
            parallel_for(kCount, 3, [&](std::size_t first, std::size_t last) {
              for (std::size_t k = first; k < last; ++k) ++visits[(caller * kCount + i) * kCount + k];
            });
        });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(std::ranges::all_of(visits, [](int visited) { return visited == kCalls; }));
}

TEST(ParallelFor, AForkStartsThreadsOfItsOwn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "TSan does not follow threads that are started after a fork";
#endif
  ASSERT_EQ(threads_of_a_call(3).size(), 3u);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(threads_of_a_call(3).size() == 3 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// Whatever cores threads that were started before might use.
TEST(ParallelFor, ThreadsUseTheCoresOfTheCaller) {
  threads_of_a_call(3);
  std::thread([] {
    cpu_set_t all, first;
    ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    threads_of_a_call(3);
    CPU_ZERO(&first);
    for (int core = 0; CPU_COUNT(&first) == 0; ++core)
      if (CPU_ISSET(core, &all)) CPU_SET(core, &first);
    ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
    std::atomic<int> elsewhere = 0;
    std::latch all_there(3);
    parallel_for(3, 3, [&](std::size_t, std::size_t) {
      all_there.arrive_and_wait();
      cpu_set_t own;
      if (sched_getaffinity(0, sizeof own, &own) != 0 || !CPU_EQUAL(&own, &first)) ++elsewhere;
    });
    EXPECT_EQ(elsewhere, 0);
  }).join();
}

TEST(AvailableCores, IsAtLeastOne) { EXPECT_GE(available_cores(), 1); }

}  // namespace
}  // namespace quorate
