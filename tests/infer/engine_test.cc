#include "quorate/infer/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "infer/committees.h"
#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"

namespace quorate::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Engine, AnswersAsTheCascadeDoesSampleBySample) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Cascade cascade = random_cascade(random);
    const std::size_t models = members_of(cascade);
    Engine engine(members(models), cascade, plan_for(models, 1 + random.below(3), static_cast<int>(1 + random.below(40))));
    for (int i = 0; i < 3; ++i) {
      const std::vector<float> input = random_input((1 + random.below(700)) * kFeatures, random);
      const Answer got = engine.predict(input.data(), shape_of(input));
      const Answer wanted = expected(cascade, input);
      EXPECT_EQ(got.probs, wanted.probs);
      EXPECT_EQ(got.tier, wanted.tier);
      EXPECT_EQ(got.answer, wanted.answer);
    }
  }
}

// Quick requests with pauses between: lanes and caller look for each other before they sleep.
TEST(Engine, AnswersACallerWhoWaitsForEach) {
  Engine engine(members(3), two_tiers(), plan_for(3, 2, 16));
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    const std::vector<float> input = random_input((1 + random.below(3)) * kFeatures, random);
    EXPECT_EQ(engine.predict(input.data(), shape_of(input)).probs, expected(two_tiers(), input).probs);
    if (i % 50 == 49) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Engine, AnswersManyCallersAtOnce) {
  Engine engine(members(3), two_tiers(), plan_for(3, 2, 16), {.max_queue_samples = 50});
  std::vector<std::thread> callers;
  for (std::uint64_t caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      Random random(1, caller);
      for (int i = 0; i < 50; ++i) {
        const std::vector<float> input = random_input((1 + random.below(9)) * kFeatures, random);
        EXPECT_EQ(engine.submit({input.data(), shape_of(input)}).get().probs, expected(two_tiers(), input).probs);
      }
    });
  for (std::thread& caller : callers) caller.join();
}

TEST(Engine, KeepsWhatOwnsTheInputUntilTheAnswerIsThere) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8));
  Random random(3);
  auto input = std::make_shared<const std::vector<float>>(random_input(30 * kFeatures, random));
  const std::vector<float> copy = *input;
  const std::weak_ptr<const std::vector<float>> watched = input;
  Samples samples{input->data(), shape_of(*input), input};
  input.reset();
  const Pending pending = engine.submit(std::move(samples));
  EXPECT_EQ(pending.get().probs, expected(two_tiers(), copy).probs);
  EXPECT_TRUE(watched.expired());
}

TEST(Engine, CountsWhatItDoes) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8));
  Random random(4);
  const std::vector<float> input = random_input(100 * kFeatures, random);
  const Answer answer = engine.predict(input.data(), shape_of(input));
  const auto second = static_cast<std::uint64_t>(std::count(answer.tier.begin(), answer.tier.end(), 1));
  const EngineStats stats = engine.stats();
  ASSERT_EQ(stats.tiers.size(), 2u);
  EXPECT_EQ(stats.tiers[0].reached, 100u);
  EXPECT_EQ(stats.tiers[0].answered, 100u - second);
  EXPECT_EQ(stats.tiers[1].reached, second);
  EXPECT_EQ(stats.tiers[1].answered, second);
  EXPECT_EQ(stats.requests, 1u);
  EXPECT_EQ(stats.requests_ended, 1u);
  EXPECT_EQ(stats.requests_failed, 0u);
  EXPECT_EQ(stats.unanswered, 0u);
  EXPECT_EQ(stats.answered, 100u);
  ASSERT_EQ(stats.models.size(), 3u);
  EXPECT_EQ(stats.models[1].name, "m1");
  EXPECT_EQ(stats.models[1].samples, 100u);
  EXPECT_EQ(stats.models[1].batches, 13u);
  EXPECT_DOUBLE_EQ(stats.models[1].fill, 100.0 / 104.0);
  EXPECT_EQ(stats.models[2].samples, second);
  EXPECT_EQ(stats.lanes[0].device, "cpu:0");
  EXPECT_GT(stats.lanes[0].busy_s, 0.0);
  EXPECT_LE(stats.lanes[0].busy_share, 1.0);
  EXPECT_EQ(stats.lanes[0].samples, 200u + second);
  EXPECT_EQ(stats.lanes[0].batch, (std::vector<int>{8, 8, 8}));
}

TEST(Engine, AModelsFailureReachesItsCallerAndLeavesTheEngineUsable) {
  Engine engine(members(3), two_tiers(), plan_for(3, 2, 8));
  Random random(5);
  std::vector<float> input = random_input(600 * kFeatures, random);
  const Answer wanted = expected(two_tiers(), input);
  std::vector<float> broken = input;
  broken[300 * kFeatures] = 2e6f;
  for (int i = 0; i < 20; ++i) {
    expect_throw<DeviceError>([&] { engine.predict(broken.data(), shape_of(broken)); },
                              AllOf(HasSubstr("model \"m"), HasSubstr("sample out of reach")));
    EXPECT_EQ(engine.predict(input.data(), shape_of(input)).probs, wanted.probs);
  }
}

TEST(Engine, ClosingFailsWhatWaitsOnceNobodyReadsIt) {
  Cascade one;
  one.tiers = {Tier{{0}, {1.0}}};
  const auto gate = std::make_shared<Gate>();
  std::optional<Pending> running, waiting;
  {
    Engine engine({{"m0", gate}}, one, plan_for(1, 1, 4));
    const std::vector<float> input(12, 0.5f);
    running = engine.submit({input.data(), {4, 3}});
    gate->entered.wait();
    waiting = engine.submit({input.data(), {4, 3}});
    EXPECT_FALSE(running->wait(0.01));
    EXPECT_FALSE(waiting->done());
    std::thread opener([&] {
      EXPECT_TRUE(waiting->wait(60.0));
      EXPECT_FALSE(running->done());
      gate->open.count_down();
    });
    engine.close();
    opener.join();
    EXPECT_TRUE(running->done());
    expect_throw<Error>([&] { engine.submit({input.data(), {4, 3}}); }, HasSubstr("the engine is closed"));
    engine.close();
  }
  expect_throw<Error>([&] { waiting->get(); }, HasSubstr("the engine was closed before this was answered"));
  expect_throw<Error>([&] { running->get(); }, HasSubstr("the engine was closed before this was answered"));
}

TEST(Engine, ClosingWithDrainAnswersWhatWaits) {
  Engine engine(members(3), two_tiers(), plan_for(3, 2, 8));
  Random random(6);
  const std::vector<float> input = random_input(2000 * kFeatures, random);
  std::vector<Pending> pending;
  for (int i = 0; i < 5; ++i) pending.push_back(engine.submit({input.data(), shape_of(input)}));
  engine.close(true);
  for (const Pending& each : pending) {
    EXPECT_TRUE(each.done());
    EXPECT_EQ(each.get().probs, expected(two_tiers(), input).probs);
  }
}

TEST(Engine, StartsAndStopsAgainAndAgain) {
  Random random(8);
  const std::vector<float> input = random_input(5 * kFeatures, random);
  const Answer wanted = expected(two_tiers(), input);
  for (int i = 0; i < 50; ++i) {
    Engine engine(members(3), two_tiers(), plan_for(3, 2, 8));
    if (i % 2 == 0) {
      EXPECT_EQ(engine.predict(input.data(), shape_of(input)).probs, wanted.probs);
    }
  }
}

TEST(Engine, SaysThatItDidNotFollowAFork) {
  Cascade one;
  one.tiers = {Tier{{0}, {1.0}}};
  const auto gate = std::make_shared<Gate>();
  Engine engine({{"m0", gate}}, one, plan_for(1, 1, 4));
  const std::vector<float> input(12, 0.5f);
  const Pending pending = engine.submit({input.data(), {4, 3}});
  gate->entered.wait();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto says = [](const auto& call, const char* what) {
      try {
        call();
      } catch (const Error& error) {
        return std::string(error.what()).find(what) != std::string::npos;
      }
      return false;
    };
    const bool right = says(
                           [&] {
                             engine.predict(input.data(), {4, 3});
                           },
                           "did not follow the fork") &&
                       says([&] { pending.get(); }, "will not come in its fork") &&
                       says([&] { pending.cancel(); }, "did not follow the fork") && !pending.done();
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  gate->open.count_down();
  EXPECT_EQ(pending.get().samples, 4u);
}

}  // namespace
}  // namespace quorate::test
