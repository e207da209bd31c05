// Studies in which everything goes wrong that can, each held against the rules at every step. A seed that fails here is
// played again, event by event, by quorate_search_campaign --seed <seed> --count 1 --trace.
#include "search/simulation/simulation.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <sstream>
#include <thread>

namespace quorate::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::int64_t kSchedules = 1'000;
#else
constexpr std::int64_t kSchedules = 10'000;
#endif

TEST(Simulation, NothingIsLostRepeatedOrMiscounted) {
  std::atomic<std::uint64_t> next = 0;
  std::mutex mutex;
  Tally all;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
      threads.emplace_back([&] {
        Tally mine;
        for (std::uint64_t seed; (seed = next++) < kSchedules;) {
          const std::string violation = violation_of(seed, mine);
          const std::lock_guard guard(mutex);
          EXPECT_EQ(violation, "") << "seed " << seed;
        }
        const std::lock_guard guard(mutex);
        all += mine;
      });
  }
  // All of it has to happen often, or the simulation shows nothing.
  for (std::size_t kind = 0; kind < all.events.size(); ++kind)
    EXPECT_GT(all.events[kind], kSchedules / 4) << to_text(static_cast<EventKind>(kind));
  EXPECT_EQ(all.schedules, kSchedules);
  EXPECT_GT(all.calls, 50 * kSchedules);
  EXPECT_GT(all.promotions, kSchedules);
  EXPECT_GT(all.crashes, kSchedules / 2);
  EXPECT_GT(all.crashes_at_write, kSchedules / 4);
  EXPECT_GT(all.events_lost, kSchedules / 4);
  EXPECT_GT(all.messages_lost, kSchedules);
  EXPECT_GT(all.messages_repeated, kSchedules);
  EXPECT_GT(all.expired, kSchedules / 2);
  EXPECT_GT(all.over, kSchedules / 2);
  EXPECT_GT(all.wrong, kSchedules / 10);
}

TEST(Simulation, ASeedIsTheSameStudyAgain) {
  for (const std::uint64_t seed : {3, 1415, 92653}) {
    Tally tally;
    std::ostringstream first, second;
    violation_of(seed, tally, &first);
    violation_of(seed, tally, &second);
    EXPECT_FALSE(first.str().empty());
    EXPECT_EQ(first.str(), second.str());
  }
}

}  // namespace
}  // namespace quorate::simulation
