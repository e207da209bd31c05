#include "quorate/infer/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <limits>
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

// Gives whatever it is told to.
class Says : public Backend {
 public:
  explicit Says(std::vector<float> row) : row_(std::move(row)) {}
  Scores run(const float*, std::span<const std::int64_t> shape, const Device*) override {
    const auto out = std::make_shared<std::vector<float>>();
    for (std::int64_t i = 0; i < shape[0]; ++i) out->insert(out->end(), row_.begin(), row_.end());
    return {out->data(), static_cast<std::size_t>(shape[0]), row_.size(), out};
  }
  std::int64_t weight_bytes() const override { return 0; }

 private:
  std::vector<float> row_;
};

TEST(Engine, RefusesScoresThatAreNoProbabilities) {
  Cascade one;
  one.tiers = {Tier{{0}, {1.0}}};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& row : {std::vector<float>{2.0f, 3.0f}, {1.5f, -0.5f}, {nan, 1.0f}, {0.5f, 0.498f}, {}}) {
    Engine engine({{"logits", std::make_shared<Says>(row)}}, one, [] {
      Plan plan = plan_for(1, 1, 4);
      plan.models = {"logits"};
      return plan;
    }());
    const std::vector<float> input(3, 0.0f);
    expect_throw<DeviceError>(
        [&] {
          engine.predict(input.data(), {1, 3});
        },
        AllOf(HasSubstr("model \"logits\""), HasSubstr("but must give")));
  }
}

TEST(Engine, RefusesModelsThatDisagreeOnTheClasses) {
  Cascade both;
  both.tiers = {Tier{{0, 1}, {0.5, 0.5}}};
  Engine engine({{"m0", std::make_shared<Says>(std::vector<float>{0.5f, 0.5f})},
                 {"m1", std::make_shared<Says>(std::vector<float>{0.5f, 0.25f, 0.25f})}},
                both, plan_for(2, 1, 4), {.degrade = false});
  const std::vector<float> input(3, 0.0f);
  expect_throw<DeviceError>(
      [&] {
        engine.predict(input.data(), {1, 3});
      },
      AllOf(HasSubstr("model \"m"), HasSubstr("classes, but the models before it gave")));
}

TEST(Engine, RefusesInputsThatDoNotFit) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8));
  std::vector<float> input(12, 0.5f);
  const auto refused = [&](std::vector<std::int64_t> shape, const char* what) {
    expect_throw<std::invalid_argument>([&] { engine.predict(input.data(), shape); }, HasSubstr(what));
  };
  refused({12}, "x has shape [12], but must be [samples, features...]");
  refused({0, 3}, "x has shape [0, 3], but must hold at least one sample");
  refused({4, 0}, "x has shape [4, 0], but must hold at least one sample and one feature");
  engine.predict(input.data(), {4, 3});
  refused({3, 4}, "x has samples of shape [4], but must have [3]");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    input[7] = bad;
    refused({4, 3}, "x[2] holds a value that is not finite");
  }
}

TEST(Engine, AFirstShapeThatFailsDoesNotBind) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8));
  std::vector<float> input(12, 2e6f);
  EXPECT_THROW(engine.predict(input.data(), {3, 4}), DeviceError);
  input.assign(12, 0.5f);
  EXPECT_EQ(engine.predict(input.data(), {4, 3}).samples, 4u);
  expect_throw<std::invalid_argument>([&] { engine.predict(input.data(), {3, 4}); }, HasSubstr("must have [3]"));
}

class Compiled : public Arithmetic {
 public:
  Compiled(std::vector<std::int64_t> features, std::int64_t max_batch)
      : Arithmetic(0, kClasses), features_(std::move(features)), max_batch_(max_batch) {}
  std::vector<std::int64_t> features() const override { return features_; }
  std::int64_t max_batch() const override { return max_batch_; }

 private:
  std::vector<std::int64_t> features_;
  std::int64_t max_batch_;
};

TEST(Engine, HoldsToWhatModelsWereCompiledForBeforeAnythingRuns) {
  std::vector<Engine::Member> models = members(3);
  models[1].backend = std::make_shared<Compiled>(std::vector<std::int64_t>{3}, 8);
  expect_throw<std::invalid_argument>([&] { Engine(models, two_tiers(), plan_for(3, 1, 9)); },
                                      HasSubstr("model \"m1\" at batch 9, but it was compiled for batches of at most 8"));
  expect_throw<std::invalid_argument>([&] { Engine(models, two_tiers(), plan_for(3, 1, 8), {.features = {4}}); },
                                      HasSubstr("model \"m1\" takes samples of shape [3], but must take [4]"));
  Engine engine(models, two_tiers(), plan_for(3, 1, 8));
  const std::vector<float> input(12, 0.5f);
  expect_throw<std::invalid_argument>([&] { engine.predict(input.data(), {3, 4}); }, HasSubstr("must have [3]"));
}

TEST(Engine, RefusesAQueueWithoutRoom) {
  expect_throw<std::invalid_argument>([] { Engine(members(3), two_tiers(), plan_for(3, 1, 8), {.max_queue_samples = 0}); },
                                      HasSubstr("max_queue_samples is 0, but must be at least 1"));
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8), {.max_queue_samples = 1});
  const std::vector<float> input(12, 0.5f);
  EXPECT_EQ(engine.predict(input.data(), {4, 3}).samples, 4u);
  const Pending pending = engine.submit({input.data(), {4, 3}});
  expect_throw<std::invalid_argument>([&] { pending.wait(std::numeric_limits<double>::quiet_NaN()); },
                                      HasSubstr("timeout_s is nan, but must be a number"));
  pending.get();
}

TEST(Engine, RefusesPlansThatDoNotFit) {
  const auto refused = [&](const std::function<void(Plan&)>& change, const char* what) {
    Plan plan = plan_for(3, 1, 8);
    change(plan);
    expect_throw<std::invalid_argument>([&] { Engine(members(3), two_tiers(), plan); }, HasSubstr(what));
  };
  refused([](Plan& plan) { plan.feasible = false, plan.why = "m2 needs 7 more bytes on cpu:0"; },
          "the plan is not feasible: m2 needs 7 more bytes on cpu:0");
  refused([](Plan& plan) { plan.models[2] = "other"; }, "the plan does not know model \"m2\"");
  refused([](Plan& plan) { plan.batch[1] = 0, plan.share[1] = 0.0; }, "the plan places model \"m1\" on no device");
  refused([](Plan& plan) { plan.demand[0] = 0.0; }, "the plan's demand of model \"m0\" is 0");
  refused(
      [](Plan& plan) {
        plan.devices[0] = Device{"cuda:0", "h200", 1, 0.0, {}};
      },
      "device \"cuda:0\" of kind \"h200\" has no CPU cores");
  refused([](Plan& plan) { plan.devices[0].cores = {CPU_SETSIZE - 1}; }, "device \"cpu:0\" has core 1023");
  Cascade given = two_tiers();
  given.tiers[0].signal = Signal::kGiven;
  expect_throw<std::invalid_argument>([&] { Engine(members(3), given, plan_for(3, 1, 8)); },
                                      HasSubstr("tiers[0].signal is \"given\", but must be one that an engine can read"));
  Cascade cascade = two_tiers();
  cascade.tiers[1].members = {3};
  EXPECT_THROW(Engine(members(3), cascade, plan_for(3, 1, 8)), std::invalid_argument);
  std::vector<Engine::Member> models = members(3);
  models[2].backend = nullptr;
  expect_throw<std::invalid_argument>([&] { Engine(models, two_tiers(), plan_for(3, 1, 8)); },
                                      HasSubstr("model \"m2\" has no backend"));
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
