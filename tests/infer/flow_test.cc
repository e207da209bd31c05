#include "infer/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "infer/committees.h"
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
              random_batches(devices_, test::members_of(cascade), random), devices_),
        running_(devices_) {}

  void send(std::size_t samples) {
    Sent sent{test::random_input(samples * kFeatures, random_), std::make_shared<Request>()};
    sent.request->input = sent.input.data();
    sent.request->samples = samples;
    sent.request->features = {kFeatures};
    sent.request->row = kFeatures;
    flow_.submit(sent.request);
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
      if ((running_[device] = flow_.take(device))) return true;
    }
    return false;
  }

  void finish(const Batch& batch, bool fails) {
    std::vector<std::shared_ptr<Request>> settled;
    if (fails) {
      settled = flow_.fail(batch, std::make_exception_ptr(std::runtime_error("broken")));
    } else {
      std::vector<float> out;
      for (const Run& run : batch.runs)
        for (std::size_t i = 0; i < run.count; ++i) {
          const auto row = test::scores(flow_.slots()[batch.slot].model, run.input() + i * kFeatures, kFeatures, classes_);
          out.insert(out.end(), row.begin(), row.end());
        }
      settled = flow_.finish(batch, {out.data(), batch.samples, classes_, nullptr});
    }
    settled_.insert(settled_.end(), settled.begin(), settled.end());
  }

  void expect_settled_once_and_right() {
    ASSERT_EQ(settled_.size(), sent_.size());
    for (const Sent& sent : sent_) {
      EXPECT_EQ(std::count(settled_.begin(), settled_.end(), sent.request), 1);
      EXPECT_TRUE(sent.request->settled());
      if (sent.request->failure) continue;
      const Answer expected = oracle::answers(cascade_, sent.request->samples, classes_, [&](int model, std::size_t sample) {
        return test::scores(model, sent.input.data() + sample * kFeatures, kFeatures, classes_);
      });
      EXPECT_EQ(sent.request->answer.probs, expected.probs);
      EXPECT_EQ(sent.request->answer.tier, expected.tier);
      EXPECT_EQ(sent.request->answer.certainty, expected.certainty);
      EXPECT_EQ(sent.request->answer.answer, expected.answer);
    }
    EXPECT_EQ(flow_.unanswered(), 0u);
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
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    run_to_the_end(traffic, random, false);
    traffic.expect_settled_once_and_right();
    if (HasFailure()) return;
  }
}

TEST(Flow, SettlesEveryRequestOnceWhereBatchesFail) {
  std::size_t failed = 0, answered = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    run_to_the_end(traffic, random, true);
    traffic.expect_settled_once_and_right();
    for (const Sent& sent : traffic.sent()) ++(sent.request->failure ? failed : answered);
    if (HasFailure()) return;
  }
  EXPECT_GT(failed, 100u);
  EXPECT_GT(answered, 100u);
}

TEST(Flow, FailingAllSettlesTheIdleAtOnceAndTheRunningWhenTheirBatchesEnd) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Traffic traffic(random, test::random_cascade(random));
    for (int i = 0; i < 5; ++i) traffic.send(1 + random.below(600));
    for (std::size_t steps = random.below(10); steps > 0; --steps) traffic.step(false);
    const auto settled = traffic.flow().fail_all(std::make_exception_ptr(std::runtime_error("closed")));
    traffic.settled().insert(traffic.settled().end(), settled.begin(), settled.end());
    for (const auto& request : settled) EXPECT_EQ(request->running, 0u);
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

TEST(Flow, TakesFullBatchesAcrossRequests) {
  Cascade cascade;
  cascade.tiers = {Tier{{0}, {1.0}}};
  Flow flow(cascade, {1.0}, {8}, 1);
  const std::vector<float> input(20, 0.0f);
  for (const std::size_t samples : {3, 3, 3, 3}) {
    const auto request = std::make_shared<Request>();
    request->input = input.data();
    request->samples = samples;
    request->features = {1};
    request->row = 1;
    flow.submit(request);
  }
  EXPECT_EQ(flow.take(0)->samples, 8u);
  EXPECT_EQ(flow.take(0)->samples, 4u);
  EXPECT_FALSE(flow.take(0));
}

TEST(Flow, TakesTheModelThatIsFurthestBehind) {
  Cascade cascade;
  cascade.tiers = {Tier{{0, 1}, {0.5, 0.5}}};
  Flow flow(cascade, {1.0, 0.5}, {4, 4}, 1);
  const std::vector<float> input(8, 0.0f);
  const auto request = std::make_shared<Request>();
  request->input = input.data();
  request->samples = 8;
  request->features = {1};
  request->row = 1;
  flow.submit(request);
  // Backlogs over demands: 8 and 16, then 8 and 8 (a tie goes to the first), then 4 and 8.
  EXPECT_EQ(flow.take(0)->slot, 1u);
  EXPECT_EQ(flow.take(0)->slot, 0u);
  EXPECT_EQ(flow.take(0)->slot, 1u);
  EXPECT_EQ(flow.take(0)->slot, 0u);
}

TEST(Flow, ThrowsWhereModelsDisagreeOnTheNumberOfClasses) {
  Cascade cascade;
  cascade.tiers = {Tier{{0, 1}, {0.5, 0.5}}};
  Flow flow(cascade, {1.0, 1.0}, {4, 4}, 1);
  const std::vector<float> input(4, 0.0f), half(8, 0.5f), third(12, 1.0f / 3.0f);
  const auto request = std::make_shared<Request>();
  request->input = input.data();
  request->samples = 4;
  request->features = {1};
  request->row = 1;
  flow.submit(request);
  EXPECT_TRUE(flow.finish(*flow.take(0), {half.data(), 4, 2, nullptr}).empty());
  const Batch batch = *flow.take(0);
  try {
    flow.finish(batch, {third.data(), 4, 3, nullptr});
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("3 classes, but the models before it gave 2"));
  }
}

}  // namespace
}  // namespace quorate
