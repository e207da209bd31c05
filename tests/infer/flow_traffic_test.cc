// Random traffic through random cascades, compared sample by sample with what the cascade says.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "infer/committees.h"
#include "infer/flow.h"
#include "infer/survivors.h"

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

}  // namespace
}  // namespace quorate
