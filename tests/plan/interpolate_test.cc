#include "quorate/plan/interpolate.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "oracle/interpolate.h"
#include "plan/instances.h"

namespace quorate {
namespace {

using testing::ThrowsMessage;

constexpr double kInf = std::numeric_limits<double>::infinity();

// Does not run at 8; looks faster at 16 than at 4.
Profile bent() { return {{"a"}, {2, 4, 8, 16, 32}, {"gpu"}, {2.0, 6.0, kInf, 5.0, 9.0}, {10, 20, 1000, 81, 160}}; }

TEST(LatencyOfBatch, IsTheMeasuredOneAndOnTheLineBetween) {
  const Profile profile = bent();
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 1), 2.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 2), 2.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 3), 4.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 4), 6.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 5), 5.0);  // padded to 16
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 8), 5.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 24), 7.0);
  EXPECT_EQ(latency_of_batch(profile, 0, 0, 33), kInf);
}

TEST(LatencyOfBatch, EqualsTheOracleAndIsMonotoneBetween) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Profile profile = random_instance(seed, {.models = 2, .devices = 1, .batches = 3}, 1.0).profile;
    Random random(seed);
    for (double& latency_s : profile.latency_s)
      if (random.below(4) == 0) latency_s = random.below(2) == 0 ? kInf : latency_s * 5 * (0.01 + random.uniform());
    for (std::size_t kind = 0; kind < 2; ++kind)
      for (std::size_t model = 0; model < 2; ++model)
        for (int samples = 1; samples <= 66; ++samples) {
          const double found = latency_of_batch(profile, kind, model, samples);
          ASSERT_EQ(found, oracle::read_off(profile, kind, model, samples));
          // After a measured size it may fall; nowhere else.
          const bool after = samples == 2 || samples == 9 || samples == 65;
          ASSERT_GE(found, samples == 1 || after ? 0.0 : latency_of_batch(profile, kind, model, samples - 1));
        }
  }
}

TEST(Interpolated, KeepsWhatWasMeasuredAndFillsBetween) {
  const Profile profile = bent();
  EXPECT_EQ(interpolated(profile, profile.batch_sizes).latency_s[0], 2.0);
  const Profile finer = interpolated(profile, {1, 3, 8, 32, 64});
  EXPECT_EQ(finer.latency_s, (std::vector{2.0, 4.0, 5.0, 9.0, kInf}));
  // 15 at batch 3; from 20 at 4 to 81 at 16, rounded up.
  EXPECT_EQ(finer.memory_bytes, (std::vector<std::int64_t>{10, 15, 41, 160, 0}));
  EXPECT_EQ(finer.batch_sizes, (std::vector{1, 3, 8, 32, 64}));
  EXPECT_THAT(
      [&] {
        interpolated(profile, {64, 128});
      },
      ThrowsMessage<std::invalid_argument>(
          "latency_s of model \"a\" is infinity everywhere, but must be finite on at least one kind at one batch size"));
  EXPECT_THAT(
      [&] {
        interpolated(profile, {4, 4});
      },
      ThrowsMessage<std::invalid_argument>("batch_sizes[1] is 4, but must be above 4, the one before it"));
}

TEST(InterpolationError, IsTheWorstOfThoseLeftOut) {
  // Without 4 the line from (2, 2) to (16, 5) has 2 + 3 x 2/14 at 4; without 16 the one from (4, 6) to (32, 9) has 6 + 3 x
  // 12/28.
  const double at_4 = std::abs(2.0 + 3.0 * 2 / 14 - 6.0) / 6.0, at_16 = std::abs(6.0 + 3.0 * 12 / 28 - 5.0) / 5.0;
  EXPECT_DOUBLE_EQ(interpolation_error(bent())[0], std::max(at_4, at_16));
  const Profile straight{{"a"}, {1, 2, 4}, {"gpu"}, {1.0, 2.0, 4.0}, {1, 1, 1}};
  EXPECT_EQ(interpolation_error(straight), (std::vector{0.0}));
  const Profile two{{"a"}, {1, 2}, {"gpu"}, {1.0, 2.0}, {1, 1}};
  EXPECT_TRUE(std::isnan(interpolation_error(two)[0]));
}

}  // namespace
}  // namespace quorate
