// What an engine refuses: inputs, scores, plans and models that do not fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <limits>

#include "infer/committees.h"
#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"

namespace quorate::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace quorate::test
