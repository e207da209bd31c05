#include "infer/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/requests.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using test::of_one_tier;
using test::request_of;

TEST(Flow, TakesFullBatchesAcrossRequests) {
  Flow flow(of_one_tier({0}), {1.0}, {8}, 1);
  for (int i = 0; i < 4; ++i) flow.submit(request_of(3), 0.0);
  EXPECT_EQ(flow.take(0, 0.0)->samples, 8u);
  EXPECT_EQ(flow.take(0, 0.0)->samples, 4u);
  EXPECT_FALSE(flow.take(0, 0.0));
}

TEST(Flow, SharesWhatWaitsAmongDevicesThatWouldHaveNothing) {
  Flow flow(of_one_tier({0}), {1.0}, {8, 8}, 2);
  const std::vector<float> half(16, 0.5f);
  flow.submit(request_of(8), 0.0);
  const Batch first = *flow.take(0, 0.0);
  EXPECT_EQ(first.samples, 4u);
  flow.submit(request_of(4), 0.0);
  EXPECT_EQ(flow.take(1, 0.0)->samples, 8u);  // device 0 is busy
  flow.submit(request_of(8), 0.0);
  flow.finish(first, {half.data(), 4, 2, nullptr}, 0.0);
  EXPECT_EQ(flow.take(0, 0.0)->samples, 8u);
}

TEST(Flow, CutsNoBatchWhereEveryDeviceHasOneOrForUnlikeDevicesOrThatMayWaitToFill) {
  Flow two(of_one_tier({0, 1}), {1.0, 1.0}, {8, 8, 8, 8}, 2);
  two.submit(request_of(8), 0.0);
  EXPECT_EQ(two.take(0, 0.0)->samples, 8u);
  EXPECT_EQ(two.take(1, 0.0)->samples, 8u);
  Flow unlike(of_one_tier({0}), {1.0}, {8, 4}, 2);  // what another kind of device makes of a part is not known
  unlike.submit(request_of(8), 0.0);
  EXPECT_EQ(unlike.take(0, 0.0)->samples, 8u);
  Flow waits(of_one_tier({0}), {1.0}, {8, 8}, 2, {.max_wait_s = 1.0});
  waits.submit(request_of(8), 0.0);
  EXPECT_EQ(waits.take(0, 0.0)->samples, 8u);
}

TEST(Flow, TakesTheModelThatIsFurthestBehind) {
  Flow flow(of_one_tier({0, 1}), {1.0, 0.5}, {4, 4}, 1);
  flow.submit(request_of(8), 0.0);
  // Backlogs over demands: 8 and 16, then 8 and 8 (a tie goes to the first), then 4 and 8.
  EXPECT_EQ(flow.take(0, 0.0)->slot, 1u);
  EXPECT_EQ(flow.take(0, 0.0)->slot, 0u);
  EXPECT_EQ(flow.take(0, 0.0)->slot, 1u);
  EXPECT_EQ(flow.take(0, 0.0)->slot, 0u);
}

TEST(Flow, ThrowsWhereModelsDisagreeOnTheNumberOfClasses) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {4, 4}, 1);
  const std::vector<float> half(8, 0.5f), third(12, 1.0f / 3.0f);
  flow.submit(request_of(4), 0.0);
  EXPECT_TRUE(flow.finish(*flow.take(0, 0.0), {half.data(), 4, 2, nullptr}, 0.0).settled.empty());
  const Batch batch = *flow.take(0, 0.0);
  try {
    flow.finish(batch, {third.data(), 4, 3, nullptr}, 0.0);
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("3 classes, but the models before it gave 2"));
  }
}

TEST(Flow, TiersOverlap) {
  Cascade cascade;
  cascade.tiers = {Tier{{0}, {1.0}, Signal::kConfidence, kNeverStops}, Tier{{1}, {1.0}}};
  Flow flow(cascade, {1.0, 1.0}, {4, 0, 0, 4}, 2);  // one device for each tier
  const std::vector<float> half(8, 0.5f);
  flow.submit(request_of(8), 0.0);
  flow.finish(*flow.take(0, 0.0), {half.data(), 4, 2, nullptr}, 0.0);
  EXPECT_EQ(flow.take(1, 0.0)->slot, 1u);
  EXPECT_EQ(flow.take(0, 0.0)->slot, 0u);
}

TEST(Flow, ABatchWaitsToFillAsLongAsItMay) {
  Flow flow(of_one_tier({0}), {1.0}, {4}, 1, {.max_wait_s = 2.0});
  EXPECT_EQ(flow.next_batch_s(0), kNever);
  flow.submit(request_of(1), 10.0);
  flow.submit(request_of(1), 11.0);
  EXPECT_EQ(flow.next_batch_s(0), 12.0);
  EXPECT_FALSE(flow.take(0, 11.9));
  EXPECT_EQ(flow.take(0, 12.0)->samples, 2u);
  flow.submit(request_of(3), 20.0);
  EXPECT_FALSE(flow.take(0, 20.0));
  flow.submit(request_of(3), 20.5);
  EXPECT_LT(flow.next_batch_s(0), 0.0);
  EXPECT_EQ(flow.take(0, 20.5)->samples, 4u);
  EXPECT_FALSE(flow.take(0, 20.5));
  flow.hurry();
  EXPECT_EQ(flow.take(0, 20.5)->samples, 2u);
}

}  // namespace
}  // namespace quorate
