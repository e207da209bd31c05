#include "infer/measure_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "infer/expect_throw.h"
#include "infer/slowdown.h"
#include "infer/small_engine.h"
#include "quorate/core/random.h"
#include "quorate/infer/replay.h"

namespace quorate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kProbs[2] = {0.5f, 0.5f};
constexpr float kSample = 0.0f;

// Powers of two and sums of few, so that what a virtual clock adds up is exact.
Profile three_models() {
  Profile profile;
  profile.models = {"a", "b", "c"};
  profile.batch_sizes = {1, 4};
  profile.kinds = {"fast", "slow"};
  profile.latency_s = {0.25, 0.5, 0.5, 1.0, 0.125, 0.125, 1.0, 2.0, 2.0, 4.0, kInfinity, kInfinity};
  profile.memory_bytes.assign(12, 0);
  profile.weights_bytes.assign(6, 0);
  profile.slowdown = {1, 1.5, 1, 2, 1, 1.25, 1, 1, 1, 1, 3, 1, 1.75, 1, 1, 1, 1, 1};
  return profile;
}

// Replayed on a clock of its own; a run takes up to `scatter` more, relatively.
Profile measured(const Profile& given, MeasureOptions options, double scatter = 0.0) {
  double now_s = 0.0;
  Random random(7);
  const auto wait = [&](std::chrono::steady_clock::time_point, double latency_s) {
    now_s += latency_s * (1.0 + scatter * random.uniform());
  };
  const auto shared = std::make_shared<ReplayedDevices>();
  std::vector<std::shared_ptr<Backend>> backends;
  for (const std::string& model : given.models)
    backends.push_back(replay(given, model, {kProbs, 1, 2}, ReplayTime(wait), shared));
  std::vector<Device> kinds = test::devices(given.kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i].kind = given.kinds[i];
  options.batch_sizes = given.batch_sizes;
  options.smooth = false;
  return measure_models(given.models, backends, kinds, {&kSample, {1, 1}}, options, [&] { return now_s; });
}

TEST(MeasureModels, AReplaysTableIsTheOneThatItWasGiven) {
  const Profile given = three_models();
  for (const int batch : given.batch_sizes) EXPECT_EQ(measured(given, {.slowdown_batch = batch}), given);
}

TEST(MeasureModels, WithoutSlowdownsEachRunFollowsAnotherModels) {
  const Profile given = three_models();
  Profile expected = given;
  expected.slowdown.clear();
  // On "fast" a follows c, b follows a and c follows b; on "slow", where c does not run, a and b follow each other.
  expected.latency_s = {0.25, 0.5, 1.0, 2.0, 0.125, 0.125, 3.0, 6.0, 3.5, 7.0, kInfinity, kInfinity};
  EXPECT_EQ(measured(given, {}), expected);
}

TEST(MeasureModels, ScatterIsNoSlowdown) {
  const Profile given = three_models();
  const Profile found = measured(given, {.repeats = 25, .slowdown_batch = 4}, 0.2);
  for (std::size_t i = 0; i < given.slowdown.size(); ++i)
    if (given.slowdown[i] == 1.0)
      EXPECT_EQ(found.slowdown[i], 1.0) << i;
    else
      EXPECT_NEAR(found.slowdown[i], given.slowdown[i], 0.08 * given.slowdown[i]) << i;
}

TEST(MeasureModels, TellsOfPairsAndLeavesOutWhatDoesNotRun) {
  Profile given = three_models();
  std::vector<Measurement> heard;
  measured(given, {.warmup = 0, .repeats = 5, .slowdown_batch = 1, .progress = [&](const Measurement& cell) {
                     heard.push_back(cell);
                   }});
  std::erase_if(heard, [](const Measurement& cell) { return cell.beside.empty(); });
  ASSERT_EQ(heard.size(), 5u * (6 + 2));
  const Measurement& last = heard.back();  // b before a, on "slow"
  EXPECT_EQ(last.kind + last.beside + last.model, "slowba");
  EXPECT_EQ(last.runs, 5);
  EXPECT_EQ(last.slowdown, 3.0);
  EXPECT_EQ(last.latency_s, 1.0);
}

TEST(Slowdown, IsTheMedianWhereChanceDoesNotExplainIt) {
  EXPECT_EQ(slowdown_of({}), 1.0);
  EXPECT_EQ(slowdown_of({2, 2, 2, 2}), 1.0);  // one case of 16
  EXPECT_EQ(slowdown_of({2, 4, 3, 2, 9}), 3.0);
  EXPECT_EQ(slowdown_of({1, 2, 2, 2, 2}), 1.0);
  EXPECT_EQ(slowdown_of({2, 2, 2, 2, 2, 2, 2, 3, 0.5}), 2.0);    // 10 of 512
  EXPECT_EQ(slowdown_of({2, 2, 2, 2, 2, 2, 2, 0.5, 0.5}), 1.0);  // 46 of 512
}

}  // namespace
}  // namespace quorate
