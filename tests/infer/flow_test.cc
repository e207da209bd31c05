#include "infer/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "infer/committees.h"
#include "infer/survivors.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

constexpr std::size_t kFeatures = 3;

// A plan-like table in which every slot is hosted somewhere.
std::vector<int> random_batches(std::size_t devices, std::size_t slots, Random& random) {
  std::vector<int> batch(devices * slots, 0);
  for (std::size_t slot = 0; slot < slots; ++slot) {
    for (std::size_t device = 0; device < devices; ++device)
      if (random.below(2) == 0) batch[device * slots + slot] = static_cast<int>(1 + random.below(20));
    batch[random.below(devices) * slots + slot] = static_cast<int>(1 + random.below(20));
  }
  return batch;
}

struct Sent {
  std::vector<float> input;
  std::shared_ptr<Request> request;
};

// Devices that take batches and finish them in any order, requests that arrive in between.
class Traffic {
 public:
  Traffic(Random& random, const Cascade& cascade)
      : random_(random),
        cascade_(cascade),
        devices_(1 + random.below(3)),
        classes_(2 + random.below(4)),
        flow_(cascade, std::vector<double>(test::members_of(cascade), 0.5),
              random_batches(devices_, test::members_of(cascade), random), devices_, {.failures_in_a_row = 1 << 30}),
        running_(devices_) {}

  void send(std::size_t samples) {
    Sent sent{test::random_input(samples * kFeatures, random_), std::make_shared<Request>()};
    sent.request->input = sent.input.data();
    sent.request->samples = samples;
    sent.request->features = {kFeatures};
    sent.request->row = kFeatures;
    sent.request->owned = random_.below(2) == 0;
    note(flow_.submit(sent.request, 0.0));
    sent_.push_back(std::move(sent));
  }

  // A device takes a batch or finishes the one that it has; false where none can do either.
  bool step(bool may_fail) {
    const std::size_t start = random_.below(devices_);
    for (std::size_t i = 0; i < devices_; ++i) {
      const std::size_t device = (start + i) % devices_;
      if (running_[device]) {
        finish(*std::exchange(running_[device], std::nullopt), may_fail && random_.below(10) == 0);
        return true;
      }
      if ((running_[device] = flow_.take(device, 0.0))) return true;
    }
    return false;
  }

  void finish(const Batch& batch, bool fails) {
    if (fails) {
      const Request* first = batch.runs.front().segment->request.get();
      const bool several =
          std::ranges::any_of(batch.runs, [&](const Run& run) { return run.segment->request.get() != first; });
      for (const Run& run : batch.runs)
        for (std::size_t i = 0; !several && i < run.count; ++i)
          lost_[{first, run.segment->begin + run.begin + i}].push_back(batch.slot);
      return note(flow_.fail(batch, failure<std::runtime_error>("broken"), 0.0));
    }
    std::vector<float> out;
    for (const Run& run : batch.runs)
      for (std::size_t i = 0; i < run.count; ++i) {
        const auto row = test::scores(flow_.slots()[batch.slot].model, run.input() + i * kFeatures, kFeatures, classes_);
        out.insert(out.end(), row.begin(), row.end());
      }
    note(flow_.finish(batch, {out.data(), batch.samples, classes_, nullptr}, 0.0));
  }

  void note(const Ended& ended) {
    for (const auto& request : ended.settled) settled_.push_back(request);
    for (const auto& request : ended.released) {
      EXPECT_EQ(request->running, 0u);
      released_.push_back(request);
    }
  }

  void expect_settled_once_and_right() {
    ASSERT_EQ(settled_.size(), sent_.size());
    ASSERT_EQ(released_.size(), sent_.size());
    for (const Sent& sent : sent_) {
      EXPECT_EQ(std::ranges::count(settled_, sent.request), 1);
      EXPECT_EQ(std::ranges::count(released_, sent.request), 1);
      if (!sent.request->failure)
        for (std::size_t sample = 0; sample < sent.request->samples; ++sample) expect_right(sent, sample);
    }
    EXPECT_EQ(flow_.unanswered(), 0u);
  }

  // As the cascade of the sample's surviving members says it.
  void expect_right(const Sent& sent, std::size_t sample) {
    std::vector<std::size_t> lost = lost_[{sent.request.get(), sample}];
    std::ranges::sort(lost);
    const std::optional<Cascade> left = survivors(cascade_, lost);
    ASSERT_TRUE(left);
    const Answer expected = oracle::answers(*left, 1, classes_, [&](int model, std::size_t) {
      return test::scores(model, sent.input.data() + sample * kFeatures, kFeatures, classes_);
    });
    const Answer& got = sent.request->answer;
    const auto begin = got.probs.begin() + static_cast<std::ptrdiff_t>(sample * classes_);
    EXPECT_TRUE(std::equal(expected.probs.begin(), expected.probs.end(), begin));
    EXPECT_EQ(left->tiers[static_cast<std::size_t>(expected.tier[0])].members.front(),
              *std::ranges::find_if(cascade_.tiers[static_cast<std::size_t>(got.tier[sample])].members,
                                    [&](int member) { return !std::ranges::binary_search(lost, slot_of(member)); }));
    EXPECT_EQ(got.certainty[sample], expected.certainty[0]);
    EXPECT_EQ(got.answer[sample], expected.answer[0]);
    EXPECT_EQ(got.degraded[sample], lost.empty() ? 0 : 1);
    for (const std::size_t slot : lost) EXPECT_TRUE(std::ranges::binary_search(sent.request->lost, slot));
  }

  std::size_t slot_of(int member) const {
    return static_cast<std::size_t>(std::ranges::find(flow_.slots(), member, &Flow::Slot::model) - flow_.slots().begin());
  }

  // Nobody was left for some sample of it.
  bool hopeless(const Sent& sent) {
    return std::ranges::any_of(lost_, [&](const auto& entry) {
      return entry.first.first == sent.request.get() && entry.second.size() == flow_.slots().size();
    });
  }

  Flow& flow() { return flow_; }
  std::vector<Sent>& sent() { return sent_; }
  std::vector<std::shared_ptr<Request>>& settled() { return settled_; }

 private:
  Random& random_;
  Cascade cascade_;
  std::size_t devices_;
  std::size_t classes_;
  Flow flow_;
  std::vector<std::optional<Batch>> running_;
  std::vector<Sent> sent_;
  std::vector<std::shared_ptr<Request>> settled_;
  std::vector<std::shared_ptr<Request>> released_;
  std::map<std::pair<const Request*, std::size_t>, std::vector<std::size_t>> lost_;  // slots, by request and sample
};

void run_to_the_end(Traffic& traffic, Random& random, bool may_fail) {
  const std::size_t requests = 1 + random.below(6);
  for (std::size_t i = 0; i < requests; ++i) {
    traffic.send(random.below(8) == 0 ? 1 + random.below(900) : 1 + random.below(20));
    for (std::size_t steps = random.below(20); steps > 0; --steps) traffic.step(may_fail);
  }
  while (traffic.step(may_fail)) {
  }
}

TEST(Flow, AnswersEverySampleAsTheCascadeDoesInWhateverOrderBatchesFinish) {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    run_to_the_end(traffic, random, false);
    traffic.expect_settled_once_and_right();
    if (HasFailure()) return;
  }
}

TEST(Flow, AnswersWithTheMembersThatAreLeftWhereBatchesFail) {
  std::size_t failed = 0, degraded = 0, whole = 0;
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    run_to_the_end(traffic, random, true);
    traffic.expect_settled_once_and_right();
    for (const Sent& sent : traffic.sent()) {
      ++(sent.request->failure ? failed : sent.request->lost.empty() ? whole : degraded);
      EXPECT_EQ(sent.request->failure != nullptr, traffic.hopeless(sent));
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(failed, 20u);
  EXPECT_GT(degraded, 50u);
  EXPECT_GT(whole, 100u);
}

TEST(Flow, CancellingAllSettlesTheIdleAtOnceAndTheRunningWhenTheirBatchesEnd) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    for (int i = 0; i < 5; ++i) traffic.send(1 + random.below(600));
    for (std::size_t steps = random.below(10); steps > 0; --steps) traffic.step(false);
    const Ended ended = traffic.flow().cancel_all(failure<std::runtime_error>("closed"));
    for (const auto& request : ended.settled) EXPECT_TRUE(request->owned || request->running == 0);
    traffic.note(ended);
    EXPECT_EQ(traffic.flow().unanswered(), 0u);
    while (traffic.step(false)) {
    }
    traffic.expect_settled_once_and_right();
    if (HasFailure()) return;
  }
}

TEST(Flow, CountsTheSamplesThatReachEachTier) {
  Random random(7);
  Cascade cascade;
  cascade.tiers = {Tier{{0}, {1.0}, Signal::kConfidence, kNeverStops}, Tier{{1, 2}, {0.5, 0.5}}};
  Traffic traffic(random, cascade);
  traffic.send(700);
  while (traffic.step(false)) {
  }
  EXPECT_EQ(traffic.flow().reach(), (std::vector<std::uint64_t>{700, 700}));
  EXPECT_EQ(traffic.flow().answered(), 700u);
}

// Requests of samples with one feature, all of them 0.
std::shared_ptr<Request> request_of(std::size_t samples) {
  static const std::vector<float> zeros(4096, 0.0f);
  const auto request = std::make_shared<Request>();
  request->input = zeros.data();
  request->samples = samples;
  request->features = {1};
  request->row = 1;
  return request;
}

Cascade of_one_tier(std::vector<int> members) {
  const std::vector<double> weights(members.size(), 1.0 / static_cast<double>(members.size()));
  Cascade cascade;
  cascade.tiers = {Tier{std::move(members), weights}};
  return cascade;
}

TEST(Flow, TakesFullBatchesAcrossRequests) {
  Flow flow(of_one_tier({0}), {1.0}, {8}, 1);
  for (int i = 0; i < 4; ++i) flow.submit(request_of(3), 0.0);
  EXPECT_EQ(flow.take(0, 0.0)->samples, 8u);
  EXPECT_EQ(flow.take(0, 0.0)->samples, 4u);
  EXPECT_FALSE(flow.take(0, 0.0));
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
  flow.out_of_memory(0, *flow.take(0, 0.0), kBroken, 0.0);
  EXPECT_EQ(flow.batch(), std::vector<int>{4});
  flow.out_of_memory(0, *flow.take(0, 0.0), kBroken, 0.0);
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
  EXPECT_EQ(flow.out_of_memory(0, *flow.take(0, 0.0), kBroken, 0.0).settled, std::vector{one});
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
