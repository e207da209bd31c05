// Models, memory and devices that fail while an engine runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"
#include "quorate/route/evaluate.h"

namespace quorate::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A model that does as it is told before it answers.
class Told : public Arithmetic {
 public:
  using Order = std::function<void(std::int64_t batch, const Device& device)>;
  Told(int model, Order order) : Arithmetic(model, kClasses), order_(std::move(order)) {}
  Scores run(const float* input, std::span<const std::int64_t> shape, const Device* device) override {
    order_(shape[0], *device);
    return Arithmetic::run(input, shape, device);
  }

 private:
  Order order_;
};

std::vector<Engine::Member> members_with(int model, Told::Order order) {
  std::vector<Engine::Member> result = members(3);
  result[static_cast<std::size_t>(model)].backend = std::make_shared<Told>(model, std::move(order));
  return result;
}

// Takes as long as it takes: the engine does not watch it.
class Untimed : public Arithmetic {
 public:
  using Arithmetic::Arithmetic;
  bool keeps_time() const override { return true; }
};

std::vector<float> input_of(std::size_t samples, std::uint64_t seed = 0) {
  Random random(seed);
  return random_input(samples * kFeatures, random);
}

// two_tiers() without model 0 or 1.
Cascade two_tiers_without(int model) {
  Cascade cascade = two_tiers();
  cascade.tiers[0].members = {1 - model};
  cascade.tiers[0].weights = {1.0};
  return cascade;
}

// Labels and predictions of the three models.
Predictions held_out() {
  const std::vector<float> input = input_of(200, 9);
  std::vector<Predictions::Model> models;
  for (int m = 0; m < 3; ++m) {
    const auto rows = std::make_shared<std::vector<float>>();
    for (std::size_t i = 0; i < 200; ++i)
      for (const float score : scores(m, input.data() + i * kFeatures, kFeatures, kClasses)) rows->push_back(score);
    models.push_back({rows->data(), rows});
  }
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < 200; ++i) labels.push_back(static_cast<std::int32_t>(i % kClasses));
  return Predictions::from_probabilities(models, 200, kClasses, labels, {"m0", "m1", "m2"});
}

TEST(EngineFailures, AnswersWithoutAModelThatThrowsAndSaysHowWell) {
  Engine engine(members_with(1, [](auto, auto&) { throw std::runtime_error("broken"); }), two_tiers(), plan_for(3, 2, 8),
                {.failures_in_a_row = 2, .retry_after_s = std::numeric_limits<double>::infinity(), .held_out = held_out()});
  const std::vector<float> input = input_of(100);
  const Answer wanted = expected(two_tiers_without(1), input);
  const double foretold = evaluate(two_tiers_without(1), held_out(), std::vector<double>(3, 1.0), 1).accuracy;
  for (int i = 0; i < 3; ++i) {
    const Answer got = engine.predict(input.data(), shape_of(input));
    EXPECT_EQ(got.probs, wanted.probs);
    EXPECT_EQ(got.tier, wanted.tier);
    EXPECT_EQ(got.degraded, std::vector<std::uint8_t>(100, 1));
    EXPECT_EQ(got.lost, std::vector<std::string>{"m1"});
    EXPECT_EQ(got.foretold_accuracy, foretold);
  }
  const EngineStats stats = engine.stats();
  EXPECT_THAT(stats.models[1].aside, AllOf(HasSubstr("model \"m1\""), HasSubstr("broken")));
  EXPECT_GE(stats.models[1].failed_batches, 2u);
  EXPECT_EQ(stats.models[0].aside, "");
  EXPECT_EQ(stats.requests_failed, 0u);
}

TEST(EngineFailures, AWholeAnswerForetellsNothing) {
  Engine engine(members(3), two_tiers(), plan_for(3, 1, 8), {.held_out = held_out()});
  const std::vector<float> input = input_of(10);
  const Answer answer = engine.predict(input.data(), shape_of(input));
  EXPECT_FALSE(answer.foretold_accuracy);
  EXPECT_TRUE(answer.lost.empty());
}

TEST(EngineFailures, SomethingThatIsNoExceptionIsAFailureToo) {
  Engine engine(members_with(2, [](auto, auto&) { throw 7; }), two_tiers(), plan_for(3, 1, 8), {.degrade = false});
  const std::vector<float> input = input_of(100);
  expect_throw<DeviceError>([&] { engine.predict(input.data(), shape_of(input)); },
                            AllOf(HasSubstr("model \"m2\""), HasSubstr("no std::exception")));
}

TEST(EngineFailures, BatchesThatDoNotFitAreHalvedUntilTheyDo) {
  const auto fits = [](std::int64_t batch, const Device& device) {
    if (batch <= 3) return;
    if (device.name == "cpu:0") throw OutOfMemory("3 at most");
    throw std::bad_alloc();
  };
  Engine engine(members_with(0, fits), two_tiers(), plan_for(3, 2, 16));
  const std::vector<float> input = input_of(1000);
  const Answer got = engine.predict(input.data(), shape_of(input));
  EXPECT_EQ(got.probs, expected(two_tiers(), input).probs);
  EXPECT_TRUE(got.lost.empty());
  int least = 16;
  for (const EngineStats::Lane& lane : engine.stats().lanes) least = std::min(least, lane.batch[0]);
  EXPECT_EQ(least, 2);
}

TEST(EngineFailures, GoesOnWithoutAModelThatHangs) {
  const auto gate = std::make_shared<Gate>();
  std::vector<Engine::Member> models = {{"m0", gate}};
  for (const int m : {1, 2}) models.push_back({"m" + std::to_string(m), std::make_shared<Untimed>(m, kClasses)});
  auto input = std::make_shared<const std::vector<float>>(input_of(50));
  const std::weak_ptr<const std::vector<float>> watched = input;
  const std::vector<float> copy = *input;
  {
    Engine engine(models, two_tiers(), plan_for(3, 1, 8), {.batch_timeout_s = 0.02});
    const Answer got = engine.submit({input->data(), shape_of(*input), input}).get();
    EXPECT_EQ(got.probs, expected(two_tiers_without(0), copy).probs);
    EXPECT_EQ(got.lost, std::vector<std::string>{"m0"});
    input.reset();
    EXPECT_FALSE(watched.expired());  // the model has it still
    EXPECT_THAT(engine.stats().models[0].aside, HasSubstr("model \"m0\" took more than 0.02 s for a batch of 8 on"));
    // Nobody keeps this input: the engine has its own copy of it.
    EXPECT_EQ(engine.predict(copy.data(), shape_of(copy)).probs, expected(two_tiers_without(0), copy).probs);
    engine.close(true);
  }
  gate->open.count_down();
  while (!watched.expired()) std::this_thread::yield();
}

// On devices of kinds "fast" (the first) and "slow".
Profile profile_of(double slow) {
  Profile profile;
  profile.models = {"m0", "m1", "m2"};
  profile.batch_sizes = {8};
  profile.kinds = {"fast", "slow"};
  profile.latency_s = {1e-4, 1e-4, 1e-4, slow, slow, slow};
  profile.memory_bytes.assign(6, 1000);
  return profile;
}

Plan plan_of_two_kinds() {
  Plan plan = plan_for(3, 2, 8);
  plan.devices[0].kind = "fast";
  plan.devices[1].kind = "slow";
  return plan;
}

TEST(EngineFailures, ALostDevicesWorkGoesToTheOthers) {
  const auto dies = [](auto, const Device& device) {
    if (device.name == "cpu:0") throw DeviceLost("fell off the bus");
  };
  const std::vector<float> input = input_of(500);
  for (const bool with_profile : {false, true}) {
    EngineOptions options;
    if (with_profile) options.profile = profile_of(1e-3);
    Engine engine(members_with(0, dies), two_tiers(), plan_of_two_kinds(), options);
    for (int i = 0; i < 2; ++i) {
      const Answer got = engine.predict(input.data(), shape_of(input));
      EXPECT_EQ(got.probs, expected(two_tiers(), input).probs);
      EXPECT_TRUE(got.lost.empty());
    }
    const EngineStats stats = engine.stats();
    if (!stats.lanes[0].lost.empty()) {
      EXPECT_THAT(stats.lanes[0].lost, HasSubstr("fell off the bus"));
      EXPECT_EQ(stats.lanes[0].batch, (std::vector<int>{0, 0, 0}));
    }
    EXPECT_EQ(stats.lanes[1].lost, "");
  }
}

TEST(EngineFailures, AModelThatALostDeviceHostedAloneIsPlacedAnewWhereTheProfileIsKnown) {
  const auto dies = [](auto, const Device& device) {
    if (device.name == "cpu:0") throw DeviceLost("fell off the bus");
  };
  const std::vector<float> input = input_of(300);
  Plan plan = plan_of_two_kinds();
  plan.batch = {8, 0, 0, 0, 8, 8};  // m0 on the first device alone
  plan.share = {1.0, 0.0, 0.0, 0.0, 0.5, 0.5};
  {
    Engine engine(members_with(0, dies), two_tiers(), plan, {.profile = profile_of(1e-3)});
    const Answer got = engine.predict(input.data(), shape_of(input));
    EXPECT_EQ(got.probs, expected(two_tiers(), input).probs);
    EXPECT_EQ(engine.stats().lanes[1].batch, (std::vector<int>{8, 8, 8}));
  }
  Engine engine(members_with(0, dies), two_tiers(), plan);
  const Answer got = engine.predict(input.data(), shape_of(input));
  EXPECT_EQ(got.probs, expected(two_tiers_without(0), input).probs);
  EXPECT_EQ(got.lost, std::vector<std::string>{"m0"});
  EXPECT_THAT(engine.stats().models[0].aside, HasSubstr("fell off the bus"));
}

TEST(EngineFailures, WithoutAnyDeviceRequestsFailAndSayWhy) {
  const auto dies = [](auto, auto&) { throw DeviceLost("fell off the bus"); };
  Engine engine(members_with(0, dies), two_tiers(), plan_of_two_kinds(), {.profile = profile_of(1e-3)});
  const std::vector<float> input = input_of(300);
  for (int i = 0; i < 3; ++i)
    expect_throw<DeviceError>([&] { engine.predict(input.data(), shape_of(input)); }, HasSubstr("fell off the bus"));
  engine.close(true);
}

// Small, seeded: the large one is in scripts/campaigns.
TEST(EngineFailures, EveryRequestEndsOnceUnderRandomFaults) {
  std::atomic<std::uint64_t> calls = 0;
  const auto faulty = [&](std::int64_t batch, const Device&) {
    Random random(17, calls++);
    switch (random.below(12)) {
      case 0:
        throw std::runtime_error("broken");
      case 1:
        if (batch > 4) throw OutOfMemory("too large");
        break;
      case 2:
        std::this_thread::yield();
        break;
    }
  };
  std::vector<Engine::Member> models;
  for (int m = 0; m < 3; ++m) models.push_back({"m" + std::to_string(m), std::make_shared<Told>(m, faulty)});
  Engine engine(models, two_tiers(), plan_for(3, 2, 8), {.max_queue_samples = 200, .retry_after_s = 1e-4});
  std::atomic<std::uint64_t> answered = 0, failed = 0;
  std::vector<std::thread> callers;
  for (std::uint64_t caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      Random random(5, caller);
      for (int i = 0; i < 200; ++i) {
        const std::vector<float> input = random_input((1 + random.below(20)) * kFeatures, random);
        const Pending pending = engine.submit({input.data(), shape_of(input)}, random.below(10) == 0 ? 1e-4 : 60.0);
        if (random.below(10) == 0) pending.cancel();
        try {
          const Answer& answer = pending.get();
          ++answered;
          if (!answer.lost.empty()) continue;
          EXPECT_EQ(answer.probs, expected(two_tiers(), input).probs);
        } catch (const Error&) {
          ++failed;
        }
      }
    });
  for (std::thread& caller : callers) caller.join();
  const EngineStats stats = engine.stats();
  EXPECT_EQ(answered + failed, 800u);
  EXPECT_EQ(stats.requests, 800u);
  EXPECT_EQ(stats.requests_ended, 800u);
  EXPECT_EQ(stats.requests_failed, failed);
  EXPECT_EQ(stats.unanswered, 0u);
  EXPECT_GT(answered, 0u);
}

TEST(EngineFailures, RefusesWhatItCouldNotFailBy) {
  const auto refused = [](const EngineOptions& options, const char* what) {
    expect_throw<std::invalid_argument>([&] { Engine(members(3), two_tiers(), plan_for(3, 1, 8), options); },
                                        HasSubstr(what));
  };
  refused({.failures_in_a_row = 0}, "failures_in_a_row is 0, but must be at least 1");
  refused({.retry_after_s = -1.0}, "retry_after_s is -1, but must be at least 0");
  refused({.batch_timeout_s = 0.0}, "batch_timeout_s is 0, but must be above 0");
  refused({.profile = profile_of(1e-3)}, "the profile has no kind \"cpu-1core\", but device \"cpu:0\" is of it");
  Profile two = profile_of(1e-3);
  two.models = {"m0", "m1", "other"};
  refused({.profile = two}, "the profile has no model \"m2\", but the cascade asks it");
  const std::vector<float> rows(8, 0.25f);
  refused({.held_out = Predictions::from_probabilities({{rows.data(), nullptr}, {rows.data(), nullptr}}, 2, kClasses, {0, 1},
                                                       {"m0", "m1"})},
          "held_out has no model \"m2\", but the cascade asks it");
}

}  // namespace
}  // namespace quorate::test
