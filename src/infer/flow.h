// Samples on their way through a committee: which wait for which model, and what becomes of them. Pure state: no thread, no
// clock, no Torch; the caller holds a lock around every call.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "quorate/infer/engine.h"
#include "quorate/plan/policy.h"
#include "quorate/route/cascade.h"

namespace quorate {

// One call of submit().
struct Request {
  const float* input = nullptr;  // [samples, features...]
  std::size_t samples = 0;
  std::vector<std::int64_t> features = {};  // shape of one sample
  std::size_t row = 0;                      // floats in a sample

  std::size_t admitted = 0;   // samples that have been cut into segments
  std::size_t undecided = 0;  // samples without an answer
  std::size_t in_flight = 0;  // admitted and undecided
  std::size_t running = 0;    // batches that read the input now
  std::exception_ptr failure = nullptr;
  Answer answer = {};

  // Nobody reads the input any more, and the answer is whole or will never be.
  bool settled() const { return running == 0 && (failure || undecided == 0); }
};

// Consecutive samples of a request, with what their members have said so far. Large requests pass through in segments, so
// that the memory for members' scores is bounded and small requests need not wait behind them.
struct Segment {
  std::shared_ptr<Request> request;
  std::size_t begin = 0;
  std::size_t count = 0;
  std::vector<std::unique_ptr<float[]>> scores = {};  // [slots] of [count, classes]; made when the first arrives
  std::vector<int> missing = {};                      // [count], members of the sample's tier that have not answered
  std::vector<double> mean = {};                      // [count, classes], of the tiers so far; for Combine::kMean
};

// Consecutive samples of a segment.
struct Run {
  std::shared_ptr<Segment> segment;
  std::size_t begin = 0;
  std::size_t count = 0;

  const float* input() const { return segment->request->input + (segment->begin + begin) * segment->request->row; }
};

struct Batch {
  std::size_t slot = 0;
  std::size_t samples = 0;
  std::vector<Run> runs = {};
};

class Flow {
 public:
  // A model with its place in the cascade. Slots are numbered through the tiers in order.
  struct Slot {
    int model = 0;
    std::size_t tier = 0;
  };

  // `batch` [devices, slots]: the largest batch there, 0 where the device does not host the model.
  Flow(Cascade cascade, std::vector<double> demand, std::vector<int> batch, std::size_t devices);

  void submit(std::shared_ptr<Request> request);

  // The next batch for a device, or none where nothing waits for it.
  std::optional<Batch> take(std::size_t device);

  // Takes in what a batch gave: [batch.samples, scores.classes]. Decides the samples whose tier is complete and sends the
  // unsure ones on. Throws DeviceError, and changes nothing, where models do not agree on the number of classes. Returns the
  // requests that are settled by it.
  std::vector<std::shared_ptr<Request>> finish(const Batch& batch, const Scores& scores);

  // Makes every request that is in the batch fail. Returns the requests that are settled by it.
  std::vector<std::shared_ptr<Request>> fail(const Batch& batch, std::exception_ptr failure);

  // Makes all requests fail. Those with batches under way are settled by their finish().
  std::vector<std::shared_ptr<Request>> fail_all(const std::exception_ptr& failure);

  const std::vector<Slot>& slots() const { return slots_; }
  const std::vector<std::uint64_t>& reach() const { return reach_; }  // [tiers]
  std::uint64_t answered() const { return answered_; }
  std::size_t unanswered() const { return unanswered_; }  // samples

 private:
  void admit();
  void enqueue(std::size_t tier, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count);
  void write(const Run& run, std::size_t slot, const float* scores);
  bool decide_sample(Segment& segment, std::size_t tier, std::size_t sample);
  void drop(Request& request, const std::exception_ptr& failure);
  std::vector<std::shared_ptr<Request>> release(const Batch& batch);

  Cascade cascade_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> first_slot_;           // [tiers]
  std::vector<int> batch_;                        // [devices, slots]
  std::vector<std::vector<std::size_t>> hosted_;  // [devices], slots
  std::size_t most_in_flight_ = 0;

  std::size_t classes_ = 0;                            // 0: no model has answered yet
  std::deque<std::shared_ptr<Request>> entering_;      // not wholly admitted; they take turns
  std::vector<std::deque<Run>> queue_;                 // [slots]
  std::vector<Backlog> backlog_;                       // [slots]
  std::unordered_set<std::shared_ptr<Request>> open_;  // without an answer
  std::size_t in_flight_ = 0;
  std::size_t unanswered_ = 0;
  std::uint64_t answered_ = 0;
  std::vector<std::uint64_t> reach_;
  std::vector<Backlog> hosted_backlog_;      // scratch
  std::vector<const float*> member_scores_;  // scratch
  std::vector<double> mean_;                 // scratch
};

}  // namespace quorate
