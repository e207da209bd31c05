// Queues, deadlines, cancelling and waiting for fuller batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"

namespace quorate::test {
namespace {

using ::testing::HasSubstr;

// An engine whose one lane is held by a first request.
struct Held {
  explicit Held(EngineOptions options = {}) : engine({{"m0", gate}}, one(), plan_for(1, 1, 4), std::move(options)) {
    first = engine.submit({input.data(), {4, 3}});
    gate->entered.wait();
  }
  ~Held() {
    if (!gate->open.try_wait()) gate->open.count_down();
  }

  static Cascade one() {
    Cascade cascade;
    cascade.tiers = {Tier{{0}, {1.0}}};
    return cascade;
  }

  const std::vector<float> input = std::vector<float>(12, 0.5f);
  const std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  Engine engine;
  std::optional<Pending> first;
};

TEST(EngineStreaming, AnAnswerSaysHowLongItTook) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto before = now();
  Held held;
  const auto entered = now();
  const auto opened = now();
  held.gate->open.count_down();
  const std::chrono::duration<double> latency(held.first->get().latency_s);
  EXPECT_GE(latency, opened - entered);
  EXPECT_LE(latency, now() - before);
}

TEST(EngineStreaming, ARequestPastItsDeadlineFailsWhileTheLaneIsBusy) {
  Held held;
  const Pending late = held.engine.submit({held.input.data(), {4, 3}}, 1e-3);
  const Pending patient = held.engine.submit({held.input.data(), {4, 3}}, 600.0);
  expect_throw<DeadlineExceeded>([&] { late.get(); }, HasSubstr("the deadline passed with 4 of 4 samples unanswered"));
  EXPECT_EQ(held.engine.stats().models[0].queued, 4u);
  held.gate->open.count_down();
  EXPECT_EQ(patient.get().samples, 4u);
  EXPECT_EQ(held.first->get().samples, 4u);
  EXPECT_EQ(held.engine.stats().requests_failed, 1u);
  expect_throw<std::invalid_argument>(
      [&] {
        held.engine.submit({held.input.data(), {4, 3}}, 0.0);
      },
      HasSubstr("deadline_s is 0, but must be above 0"));
  expect_throw<std::invalid_argument>(
      [&] {
        held.engine.submit({held.input.data(), {4, 3}}, NAN);
      },
      HasSubstr("deadline_s is nan, but must be above 0"));
}

TEST(EngineStreaming, CancellingTakesARequestOutOfTheQueue) {
  Held held;
  const Pending queued = held.engine.submit({held.input.data(), {4, 3}});
  EXPECT_TRUE(queued.cancel());
  EXPECT_TRUE(queued.done());
  expect_throw<Cancelled>([&] { queued.get(); }, HasSubstr("this request was cancelled"));
  EXPECT_FALSE(queued.cancel());
  EXPECT_EQ(held.engine.stats().unanswered, 4u);
  // The first is being run and its input is the caller's: it ends when the batch does.
  EXPECT_TRUE(held.first->cancel());
  EXPECT_FALSE(held.first->done());
  held.gate->open.count_down();
  expect_throw<Cancelled>([&] { held.first->get(); }, HasSubstr("this request was cancelled"));
  const Pending answered = held.engine.submit({held.input.data(), {4, 3}});
  answered.get();
  EXPECT_FALSE(answered.cancel());
}

TEST(EngineStreaming, CancellingOutlivesTheEngine) {
  std::optional<Pending> pending;
  {
    Engine engine(members(3), two_tiers(), plan_for(3, 1, 8));
    const std::vector<float> input(12, 0.5f);
    pending = engine.submit({input.data(), {4, 3}});
    pending->get();
  }
  EXPECT_FALSE(pending->cancel());
}

TEST(EngineStreaming, AFullQueueRefusesOrMakesWait) {
  Held refusing({.max_queue_samples = 4, .refuse_when_full = true});
  expect_throw<QueueFull>(
      [&] {
        refusing.engine.submit({refusing.input.data(), {4, 3}});
      },
      HasSubstr("4 samples are without an answer, and no more enter from 4 up"));
  Held waiting({.max_queue_samples = 4});
  expect_throw<DeadlineExceeded>(
      [&] {
        waiting.engine.submit({waiting.input.data(), {4, 3}}, 1e-3);
      },
      HasSubstr("no room in the queue within the deadline of 0.001 s"));
  EXPECT_EQ(waiting.engine.stats().requests, 1u);
  std::thread caller([&] { EXPECT_EQ(waiting.engine.submit({waiting.input.data(), {4, 3}}).get().samples, 4u); });
  waiting.gate->open.count_down();
  caller.join();
}

TEST(EngineStreaming, WaitsForFullerBatchesButNotForEver) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8), {.max_wait_s = 0.005});
  Random random(1);
  const std::vector<float> input = random_input(4 * kFeatures, random);
  std::vector<Pending> pending;
  for (int i = 0; i < 20; ++i) pending.push_back(engine.submit({input.data(), shape_of(input)}));
  for (const Pending& each : pending) EXPECT_EQ(each.get().probs, expected(two_tiers(), input).probs);
  EXPECT_EQ(engine.predict(input.data(), {1, 3}).samples, 1u);
  expect_throw<std::invalid_argument>([] { Engine(members(3), two_tiers(), plan_for(3, 1, 8), {.max_wait_s = -1.0}); },
                                      HasSubstr("max_wait_s is -1, but must be at least 0 and finite"));
}

TEST(EngineStreaming, DrainingDoesNotWaitForFullerBatches) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8), {.max_wait_s = 1e6});
  const std::vector<float> input(12, 0.5f);
  const Pending pending = engine.submit({input.data(), {4, 3}});
  EXPECT_FALSE(pending.wait(0.01));
  engine.close(true);
  EXPECT_EQ(pending.get().samples, 4u);
}

TEST(EngineStreaming, RefusesBatchesThatExceedADevicesMemory) {
  Plan plan = plan_for(3, 1, 8);
  plan.devices[0].memory_bytes = 95;
  expect_throw<std::invalid_argument>([&] { Engine(members(3), two_tiers(), plan, {.features = {3}}); },
                                      HasSubstr("a batch of 8 samples of shape [3], as the plan runs model \"m0\" on "
                                                "\"cpu:0\", takes 96 bytes, but that device has 95"));
  Engine engine(members(3), two_tiers(), plan);
  const std::vector<float> input(12, 0.5f);
  expect_throw<std::invalid_argument>([&] { engine.submit({input.data(), {4, 3}}); }, HasSubstr("that device has 95"));
  EXPECT_EQ(engine.predict(input.data(), {6, 2}).samples, 6u);
}

}  // namespace
}  // namespace quorate::test
