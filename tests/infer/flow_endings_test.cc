// Deadlines, and what becomes of samples whose models or devices fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "infer/flow.h"
#include "infer/requests.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using test::of_one_tier;
using test::request_of;

template <class Thrown>
void expect_failed(const Request& request, const char* what) {
  ASSERT_TRUE(request.failure);
  try {
    request.failure->raise(request.failure->words);
  } catch (const Thrown& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(what));
  }
}

TEST(Flow, ARequestPastItsDeadlineLeavesTheQueues) {
  Flow flow(of_one_tier({0}), {1.0}, {4}, 1);
  const auto late = request_of(5), later = request_of(2);
  late->deadline_s = 3.0;
  later->deadline_s = 7.0;
  flow.submit(late, 1.0);
  flow.submit(later, 1.0);
  EXPECT_EQ(flow.next_deadline_s(), 3.0);
  const Batch batch = *flow.take(0, 1.5);
  EXPECT_TRUE(flow.expire(2.9).settled.empty());
  EXPECT_TRUE(flow.expire(3.0).settled.empty());  // the batch reads an input that only the caller keeps
  expect_failed<DeadlineExceeded>(*late, "the deadline passed with 5 of 5 samples unanswered");
  EXPECT_EQ(flow.next_deadline_s(), 7.0);
  EXPECT_EQ(flow.queued(0), 2u);
  const std::vector<float> half(8, 0.5f);
  const Ended ended = flow.finish(batch, {half.data(), 4, 2, nullptr}, 4.0);
  EXPECT_EQ(ended.settled, std::vector{late});
  EXPECT_EQ(flow.finish(*flow.take(0, 4.0), {half.data(), 2, 2, nullptr}, 5.0).settled, std::vector{later});
  EXPECT_EQ(flow.next_deadline_s(), kNever);
  EXPECT_FALSE(later->failure);
}

TEST(Flow, AnOwnedRequestIsAnsweredWhileItsInputIsStillRead) {
  Flow flow(of_one_tier({0}), {1.0}, {4}, 1);
  const auto request = request_of(4);
  request->owned = true;
  flow.submit(request, 0.0);
  const Batch batch = *flow.take(0, 0.0);
  const Ended ended = flow.cancel(request, failure<Cancelled>("cancelled"), 0.0);
  EXPECT_EQ(ended.settled, std::vector{request});
  EXPECT_TRUE(ended.released.empty());
  const std::vector<float> half(8, 0.5f);
  const Ended after = flow.finish(batch, {half.data(), 4, 2, nullptr}, 0.0);
  EXPECT_TRUE(after.settled.empty());
  EXPECT_EQ(after.released, std::vector{request});
  EXPECT_TRUE(flow.cancel(request, failure<Cancelled>("again"), 0.0).settled.empty());
}

const auto kBroken = failure<DeviceError>("broken");

TEST(Flow, ABatchThatFailsIsTriedAgainForEachRequestAlone) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {8, 8}, 1);
  const auto first = request_of(2), second = request_of(3);
  flow.submit(first, 0.0);
  flow.submit(second, 0.0);
  const std::vector<float> half(16, 0.5f);
  EXPECT_TRUE(flow.fail(*flow.take(0, 0.0), kBroken, 0.0).settled.empty());
  const Batch of_first = *flow.take(0, 0.0);
  EXPECT_EQ(of_first.slot, 0u);
  EXPECT_EQ(of_first.samples, 2u);
  flow.fail(of_first, kBroken, 0.0);
  const Batch of_second = *flow.take(0, 0.0);  // the other model's turn, for both
  EXPECT_EQ(of_second.slot, 1u);
  EXPECT_EQ(of_second.samples, 5u);
  EXPECT_EQ(flow.finish(of_second, {half.data(), 5, 2, nullptr}, 0.0).settled, std::vector{first});
  EXPECT_EQ(first->answer.degraded, (std::vector<std::uint8_t>{1, 1}));
  EXPECT_EQ(first->lost, std::vector<std::size_t>{0});
  const Batch alone = *flow.take(0, 0.0);
  EXPECT_EQ(alone.slot, 0u);
  EXPECT_EQ(alone.samples, 3u);
  EXPECT_EQ(flow.finish(alone, {half.data(), 3, 2, nullptr}, 0.0).settled, std::vector{second});
  EXPECT_TRUE(second->lost.empty());
  EXPECT_EQ(flow.failed_batches(), (std::vector<std::uint64_t>{2, 0}));
}

// Runs model 1 and lets model 0 fail, or not.
void round(Flow& flow, bool fails, double now_s) {
  const std::vector<float> half(8, 0.5f);
  while (const auto batch = flow.take(0, now_s)) {
    if (batch->slot == 0 && fails)
      flow.fail(*batch, kBroken, now_s);
    else
      flow.finish(*batch, {half.data(), batch->samples, 2, nullptr}, now_s);
  }
}

TEST(Flow, AModelThatFailsAgainAndAgainIsPutAsideForAWhile) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {4, 4}, 1, {.failures_in_a_row = 2, .retry_after_s = 10.0});
  const auto send = [&](bool fails, double now_s) {
    const auto request = request_of(4);
    flow.submit(request, now_s);
    round(flow, fails, now_s);
    EXPECT_TRUE(request->settled);
    EXPECT_FALSE(request->failure);
    return !request->lost.empty();
  };
  EXPECT_TRUE(send(true, 0.0));
  EXPECT_FALSE(send(false, 0.0));  // its failures are no longer in a row
  EXPECT_TRUE(send(true, 0.0));
  EXPECT_FALSE(flow.aside(0, 0.0));
  EXPECT_TRUE(send(true, 1.0));
  EXPECT_TRUE(flow.aside(0, 1.0));
  EXPECT_EQ(flow.failed_batches()[0], 3u);
  EXPECT_TRUE(send(true, 10.9));
  EXPECT_EQ(flow.failed_batches()[0], 3u);  // it was not asked
  EXPECT_TRUE(send(true, 11.0));            // tried again, it fails once and is put aside again
  EXPECT_TRUE(flow.aside(0, 11.0));
  EXPECT_FALSE(send(false, 21.0));
  EXPECT_FALSE(flow.aside(0, 21.0));
}

TEST(Flow, ARequestThatNoMemberCanAnswerFailsAndIsNotHeldAgainstThem) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {4, 4}, 1, {.failures_in_a_row = 2});
  for (int i = 0; i < 5; ++i) {
    const auto request = request_of(4);
    flow.submit(request, 0.0);
    while (const auto batch = flow.take(0, 0.0)) flow.fail(*batch, kBroken, 0.0);
    EXPECT_TRUE(request->settled);
    expect_failed<DeviceError>(*request, "broken");
  }
  EXPECT_FALSE(flow.aside(0, 0.0) || flow.aside(1, 0.0));
}

TEST(Flow, WithoutDegradingARequestFailsWithItsModel) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {4, 4}, 1, {.degrade = false, .failures_in_a_row = 1});
  const auto request = request_of(4);
  flow.submit(request, 0.0);
  EXPECT_EQ(flow.fail(*flow.take(0, 0.0), kBroken, 0.0).settled, std::vector{request});
  EXPECT_FALSE(flow.aside(0, 0.0));
  EXPECT_FALSE(flow.take(0, 0.0));
  const auto hangs = request_of(4);
  flow.submit(hangs, 0.0);
  flow.give_up(*flow.take(0, 0.0), kBroken, 0.0);
  expect_failed<DeviceError>(*hangs, "broken");
  const auto next = request_of(4);
  EXPECT_EQ(flow.submit(next, 0.0).settled, std::vector{next});
  expect_failed<DeviceError>(*next, "broken");
}

TEST(Flow, ABatchThatDoesNotFitIsHalvedForGood) {
  Flow flow(of_one_tier({0}), {1.0}, {8}, 1);
  const auto request = request_of(16);
  flow.submit(request, 0.0);
  flow.out_of_memory(*flow.take(0, 0.0), kBroken, 0.0);
  EXPECT_EQ(flow.batch(), std::vector<int>{4});
  flow.out_of_memory(*flow.take(0, 0.0), kBroken, 0.0);
  const std::vector<float> half(4, 0.5f);
  for (int i = 0; i < 8; ++i) {
    const Batch batch = *flow.take(0, 0.0);
    EXPECT_EQ(batch.samples, 2u);
    EXPECT_EQ(batch.runs.front().begin, 2u * static_cast<std::size_t>(i));
    flow.finish(batch, {half.data(), 2, 2, nullptr}, 0.0);
  }
  EXPECT_TRUE(request->settled);
  EXPECT_TRUE(request->lost.empty());
  const auto one = request_of(1);
  flow.submit(one, 0.0);
  EXPECT_EQ(flow.out_of_memory(*flow.take(0, 0.0), kBroken, 0.0).settled, std::vector{one});
  expect_failed<DeviceError>(*one, "broken");
}

TEST(Flow, AModelThatHangsIsPutAsideForGood) {
  Cascade cascade;
  cascade.tiers = {Tier{{0}, {1.0}, Signal::kConfidence, kNeverStops}, Tier{{1}, {1.0}}};
  Flow flow(cascade, {1.0, 1.0}, {4, 4}, 1);
  const std::vector<float> half(8, 0.5f);
  const auto request = request_of(4);
  request->owned = true;
  flow.submit(request, 0.0);
  flow.finish(*flow.take(0, 0.0), {half.data(), 4, 2, nullptr}, 0.0);
  const Batch hung = *flow.take(0, 0.0);
  // The first tier's answer stands, and the input is kept for the model that may still read it.
  const Ended ended = flow.give_up(hung, kBroken, 1.0);
  EXPECT_EQ(ended.settled, std::vector{request});
  EXPECT_TRUE(ended.released.empty());
  EXPECT_EQ(request->answer.tier, (std::vector<std::int32_t>{0, 0, 0, 0}));
  EXPECT_EQ(request->answer.degraded[0], 1);
  EXPECT_EQ(flow.let_go(hung).released, std::vector{request});
  EXPECT_TRUE(flow.aside(1, 1e9));
  const auto next = request_of(4);
  flow.submit(next, 2.0);
  EXPECT_EQ(flow.finish(*flow.take(0, 2.0), {half.data(), 4, 2, nullptr}, 2.0).settled, std::vector{next});
}

TEST(Flow, WhatALostDeviceHostedGoesToOthersOrAside) {
  Flow flow(of_one_tier({0, 1}), {1.0, 1.0}, {4, 0, 0, 4}, 2);
  const auto request = request_of(8);
  flow.submit(request, 0.0);
  const Batch batch = *flow.take(0, 0.0);
  EXPECT_TRUE(flow.put_back(batch, 0.0).settled.empty());
  EXPECT_EQ(flow.queued(0), 8u);
  EXPECT_TRUE(flow.place({0, 0, 2, 4}, kBroken, 0.0).settled.empty());
  const std::vector<float> half(8, 0.5f);
  while (const auto next = flow.take(1, 0.0)) flow.finish(*next, {half.data(), next->samples, 2, nullptr}, 0.0);
  EXPECT_TRUE(request->settled);
  EXPECT_TRUE(request->lost.empty());
  const auto second = request_of(8);
  flow.submit(second, 0.0);
  flow.place({0, 0, 0, 4}, kBroken, 0.0);
  while (const auto next = flow.take(1, 0.0)) flow.finish(*next, {half.data(), next->samples, 2, nullptr}, 0.0);
  EXPECT_EQ(second->lost, std::vector<std::size_t>{0});
  EXPECT_FALSE(second->failure);
  const auto third = request_of(1);
  flow.submit(third, 0.0);
  EXPECT_EQ(flow.place({0, 0, 0, 0}, kBroken, 0.0).settled, std::vector{third});
  expect_failed<DeviceError>(*third, "broken");
}

}  // namespace
}  // namespace quorate
