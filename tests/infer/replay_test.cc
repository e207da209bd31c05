#include "quorate/infer/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "infer/expect_throw.h"

namespace quorate {
namespace {

using test::expect_throw;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Profile small_profile() {
  Profile profile;
  profile.models = {"a", "b"};
  profile.batch_sizes = {1, 4};
  profile.kinds = {"fast", "slow"};
  profile.latency_s = {1e-4, 2e-4, 1e-4, 2e-4, 1e-3, 2e-3, 1e-3, kInfinity};
  profile.memory_bytes.assign(8, 0);
  return profile;
}

const std::vector<float> kProbs = {0.25f, 0.75f, 0.5f, 0.5f, 1.0f, 0.0f};

TEST(Replay, AnswersTheRowsThatSamplesAskFor) {
  for (const ReplayWait wait : {ReplayWait::kSpin, ReplayWait::kSleep}) {
    const auto backend = replay(small_profile(), "a", {kProbs.data(), 3, 2}, wait);
    const std::vector<float> input = {2, 7, 0, 7, 1, 7};
    const std::vector<std::int64_t> shape = {3, 2};
    const Scores scores = run_checked(*backend, "a", input.data(), shape);
    EXPECT_EQ(std::vector(scores.data, scores.data + 6), (std::vector<float>{1.0f, 0.0f, 0.25f, 0.75f, 0.5f, 0.5f}));
  }
}

TEST(Replay, TakesAtLeastTheProfilesTime) {
  const Device slow{"cpu:0", "slow", 0, 0.0, {}};
  const std::vector<float> input(4, 0.0f);
  for (const ReplayWait wait : {ReplayWait::kSpin, ReplayWait::kSleep}) {
    const auto backend = replay(small_profile(), "a", {kProbs.data(), 3, 2}, wait);
    for (const auto& [samples, latency_s] : {std::pair{1, 1e-3}, {2, 1e-3 + 1e-3 / 3}, {4, 2e-3}}) {
      const auto begin = std::chrono::steady_clock::now();
      backend->run(input.data(), std::vector<std::int64_t>{samples, 1}, &slow);
      // The clock counts whole nanoseconds.
      EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::duration<double>(latency_s - 1e-9));
    }
  }
}

TEST(Replay, ABatchAfterAnothersIsSlowerByTheProfilesFactor) {
  Profile profile = small_profile();
  profile.slowdown = {1, 2, 3, 1, 1, 1, 5, 1};
  std::vector<double> taken_s;
  const ReplayTime note = [&](auto, double latency_s) { taken_s.push_back(latency_s); };
  const auto shared = std::make_shared<ReplayedDevices>();
  const auto a = replay(profile, "a", {kProbs.data(), 3, 2}, note, shared);
  const auto b = replay(profile, "b", {kProbs.data(), 3, 2}, note, shared);
  const auto alone = replay(profile, "b", {kProbs.data(), 3, 2}, note);
  const Device fast{"cpu:0", "fast", 0, 0.0, {}}, slow{"cpu:1", "slow", 0, 0.0, {}};
  const float input = 0.0f;
  const auto run = [&](const std::shared_ptr<Backend>& model, const Device& device) {
    model->run(&input, std::vector<std::int64_t>{1, 1}, &device);
  };
  run(a, fast);
  run(b, slow);  // the first there
  run(a, fast);
  run(b, fast);
  run(alone, fast);  // neither slowed nor seen
  run(b, fast);
  run(a, fast);
  run(a, slow);
  run(b, slow);
  EXPECT_EQ(taken_s, (std::vector<double>{1e-4, 1e-3, 1e-4, 3 * 1e-4, 1e-4, 1e-4, 2 * 1e-4, 1e-3, 5 * 1e-3}));
}

TEST(Replay, SaysWhatItCannotReplay) {
  expect_throw<std::invalid_argument>(
      [] {
        replay(small_profile(), "c", {kProbs.data(), 3, 2});
      },
      HasSubstr("the profile has no model \"c\""));
  expect_throw<std::invalid_argument>(
      [] {
        replay(small_profile(), "a", {kProbs.data(), 0, 2});
      },
      HasSubstr("probs has shape [0, 2]"));
  const auto backend = replay(small_profile(), "b", {kProbs.data(), 3, 2});
  const auto fails = [&](std::vector<float> input, const Device* device, const char* what) {
    const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(input.size()), 1};
    expect_throw<DeviceError>([&] { run_checked(*backend, "b", input.data(), shape, device); }, HasSubstr(what));
  };
  const Device slow{"cpu:0", "slow", 0, 0.0, {}}, other{"cpu:1", "other", 0, 0.0, {}};
  fails({3.0f}, nullptr, "sample 0 asks for row 3, but there are rows 0 to 2");
  fails({0.0f, 0.5f}, nullptr, "sample 1 asks for row 0.5");
  fails({-1.0f}, nullptr, "asks for row -1");
  fails({0.0f}, &other, "its profile has no kind \"other\"");
  fails({0.0f, 0.0f}, &slow, "its profile has no batch of 2 on \"slow\"");
}

}  // namespace
}  // namespace quorate
