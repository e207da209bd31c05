#include "quorate/infer/isolated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "infer/expect_throw.h"
#include "infer/small_engine.h"
#include "quorate/core/error.h"
#include "temporary_folder.h"

namespace quorate {
namespace {

using test::expect_throw;
using test::kClasses;
using test::kFeatures;
using ::testing::HasSubstr;

const std::vector<std::string> kWorker = {QUORATE_ISOLATED_WORKER};

std::shared_ptr<Backend> isolated(const test::TemporaryFolder& folder, const std::string& content, double timeout_s = 60.0) {
  test::put(folder / "model", content);
  return isolate(folder / "model", {.trust = true}, {kWorker, timeout_s});
}

void expect_right(Backend& backend, std::size_t samples, const Device* device = nullptr) {
  Random random(samples);
  const std::vector<float> input = test::random_input(samples * kFeatures, random);
  const Scores scores = run_checked(backend, "m", input.data(), test::shape_of(input), device);
  for (std::size_t i = 0; i < samples; ++i)
    EXPECT_EQ(std::vector(scores.data + i * kClasses, scores.data + (i + 1) * kClasses),
              test::scores(5, input.data() + i * kFeatures, kFeatures, kClasses));
}

Scores run_on(Backend& backend, float order) {
  const std::vector<float> input = {order, 0.0f, 0.0f};
  return run_checked(backend, "m", input.data(), test::shape_of(input));
}

TEST(Isolated, AnswersAsTheModelDoes) {
  const test::TemporaryFolder folder;
  const auto backend = isolated(folder, "5");
  EXPECT_EQ(backend->weight_bytes(), 12);
  EXPECT_EQ(backend->features(), std::vector<std::int64_t>{3});
  EXPECT_EQ(backend->max_batch(), 1000);
  for (const std::size_t samples : {1u, 700u, 3u, 5000u, 1u}) expect_right(*backend, samples);
  std::vector<std::thread> lanes;
  for (const Device& device : test::devices(3)) lanes.emplace_back([&, device] { expect_right(*backend, 200, &device); });
  for (std::thread& lane : lanes) lane.join();
}

TEST(Isolated, AProcessThatDiesIsAModelThatFailed) {
  const test::TemporaryFolder folder;
  const auto backend = isolated(folder, "5");
  const auto fails = [&](float order, auto thrown, const char* what) {
    expect_throw<decltype(thrown)>([&] { run_on(*backend, order); }, HasSubstr(what));
    expect_right(*backend, 10);
  };
  fails(9.25f, DeviceError(""), "its process died of signal 9 (Killed)");
  fails(9.5f, DeviceError(""), "its process ended with code 7");
  fails(10.25f, OutOfMemory(""), "no room");
  fails(10.5f, DeviceLost(""), "fell off the bus");
  fails(1e7f, DeviceError(""), "sample out of reach");
}

TEST(Isolated, AProcessThatHangsIsKilledAndFollowedByAnother) {
  const test::TemporaryFolder folder;
  const auto backend = isolated(folder, "5", 0.2);
  const auto late = HasSubstr("it took more than 0.2 s, and its process was killed");
  expect_throw<DeviceError>([&] { run_on(*backend, 9.75f); }, late);
  for (bool answered = false; !answered;) {
    try {
      expect_right(*backend, 10);
      answered = true;
    } catch (const DeviceError& error) {  // on a busy machine it may be late again
      ASSERT_THAT(error.what(), late);
    }
  }
}

TEST(Isolated, SaysWhatCannotBeStartedOrLoaded) {
  const test::TemporaryFolder folder;
  expect_throw<FileError>([&] { isolated(folder, "damaged"); }, HasSubstr("is no model"));
  expect_throw<FileError>([&] { isolated(folder, "dies"); }, HasSubstr("its process died of signal 9"));
  expect_throw<FileError>(
      [&] {
        isolate(folder / "model", {}, {{"/no/such/program"}, 1.0});
      },
      HasSubstr("cannot start /no/such/program"));
  expect_throw<FileError>(
      [&] {
        isolate(folder / "model", {}, {{"true"}, 1.0});
      },
      HasSubstr("its process ended with code 0"));
  expect_throw<std::invalid_argument>([&] { isolate(folder / "model", {}, {{}, 1.0}); }, HasSubstr("worker is empty"));
  expect_throw<std::invalid_argument>([&] { isolate(folder / "model", {}, {kWorker, 0.0}); }, HasSubstr("timeout_s is 0"));
}

TEST(Isolated, AnEngineGoesOnWithoutAModelThatKillsItsProcess) {
  const test::TemporaryFolder folder;
  std::vector<Engine::Member> models = test::members(3);
  test::put(folder / "model", "0");
  models[0].backend = isolate(folder / "model", {.trust = true}, {kWorker, 60.0});
  Engine engine(models, test::two_tiers(), test::plan_for(3, 2, 8));
  std::vector<float> input(12, 0.5f);
  const Answer whole = engine.predict(input.data(), {4, 3});
  EXPECT_TRUE(whole.lost.empty());
  std::vector<float> deadly = input;
  deadly[0] = 9.25f;
  const Answer without = engine.predict(deadly.data(), {4, 3});
  EXPECT_EQ(without.lost, std::vector<std::string>{"m0"});
  EXPECT_EQ(engine.predict(input.data(), {4, 3}).probs, whole.probs);
  expect_throw<Error>([] { run_isolated_worker(); }, HasSubstr("started by an engine, not by hand"));
}

}  // namespace
}  // namespace quorate
