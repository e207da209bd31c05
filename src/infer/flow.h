// Samples on their way through a committee: which wait for which model, and what becomes of them. Pure state: no thread, no
// clock, no Torch. Times are seconds on whatever clock the caller has; the caller holds a lock around every call.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "infer/request.h"
#include "quorate/plan/policy.h"
#include "quorate/route/cascade.h"

namespace quorate {

struct FlowOptions {
  double max_wait_s = 0.0;     // that a batch which could be larger waits for more samples
  bool degrade = true;         // answer without members that failed; else their requests fail
  int failures_in_a_row = 3;   // of a model's batches, and it is put aside
  double retry_after_s = 0.0;  // that it stays so
};

class Flow {
 public:
  // A model with its place in the cascade. Slots are numbered through the tiers in order.
  struct Slot {
    int model = 0;
    std::size_t tier = 0;
  };

  // `batch` [devices, slots]: the largest batch there, 0 where the device does not host the model.
  Flow(Cascade cascade, std::vector<double> demand, std::vector<int> batch, std::size_t devices, FlowOptions options = {});

  Ended submit(std::shared_ptr<Request> request, double now_s);

  // The next batch for a device, or none where nothing waits for it that is large enough or has waited long enough. The
  // device is busy until finish(), fail(), out_of_memory(), give_up() or put_back().
  std::optional<Batch> take(std::size_t device, double now_s);

  // When take() has something unless more arrives before: in the past where it has now, kNever where nothing waits.
  double next_batch_s(std::size_t device) const;

  // What waits is no longer kept back for fuller batches.
  void hurry() { options_.max_wait_s = 0.0; }

  // Takes in what a batch gave: [batch.samples, scores.classes]. Decides the samples whose tier is complete and sends the
  // unsure ones on. Throws DeviceError, and changes nothing, where models do not agree on the number of classes.
  Ended finish(const Batch& batch, const Scores& scores, double now_s);

  // The model threw. A batch of several requests is tried again for each alone, so that what one of them broke is not the
  // others' loss; samples of one request go on without the model.
  Ended fail(const Batch& batch, const FailurePointer& failure, double now_s);

  // The batch did not fit: from now on its device's batches of this model are half as large. One sample that does not fit
  // has failed.
  Ended out_of_memory(const Batch& batch, const FailurePointer& failure, double now_s);

  // The batch is not waited for any more: its samples go on without the model, which is put aside for good. It is still
  // being read until let_go().
  Ended give_up(const Batch& batch, const FailurePointer& failure, double now_s);
  Ended let_go(const Batch& batch);

  // The batch did not run, and waits again.
  Ended put_back(const Batch& batch, double now_s);

  // Another placement, as the constructor's. Models that no device hosts any more are put aside for good.
  Ended place(std::vector<int> batch, const FailurePointer& failure, double now_s);

  // Requests whose deadline has passed fail with DeadlineExceeded and leave the queues.
  Ended expire(double now_s);
  double next_deadline_s() const { return deadlines_.empty() ? kNever : deadlines_.begin()->first; }

  Ended cancel(const std::shared_ptr<Request>& request, const FailurePointer& failure, double now_s);
  Ended cancel_all(const FailurePointer& failure);

  const std::vector<Slot>& slots() const { return slots_; }
  const std::vector<int>& batch() const { return batch_; }
  std::size_t queued(std::size_t slot) const { return backlog_[slot].queued; }
  bool aside(std::size_t slot, double now_s) const { return now_s < aside_until_s_[slot]; }
  const FailurePointer& last_failure(std::size_t slot) const { return last_failure_[slot]; }  // null: it never failed
  const std::vector<std::uint64_t>& failed_batches() const { return failed_batches_; }        // [slots]
  const std::vector<std::uint64_t>& reach() const { return reach_; }                          // [tiers]
  const std::vector<std::uint64_t>& stopped() const { return stopped_; }                      // [tiers]
  std::uint64_t answered() const { return answered_; }                                        // samples
  std::size_t unanswered() const { return unanswered_; }                                      // samples

 private:
  // A tier without some members, as the last sample that lacked any had it.
  struct Partial {
    std::vector<bool> present;
    Tier tier;
  };

  void host(std::vector<int> batch);
  bool ready(std::size_t device, std::size_t slot, double now_s) const;
  std::size_t room(std::size_t device, std::size_t slot) const;
  void admit(double now_s);
  void enter(std::size_t tier, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count, double now_s);
  void enqueue(std::size_t slot, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count,
               double now_s);
  void write(const Run& run, std::size_t slot, const float* scores);
  void conclude(const std::shared_ptr<Segment>& segment, std::size_t tier, std::size_t sample, double now_s);
  bool decide_sample(Segment& segment, std::size_t tier, std::size_t sample);
  const Tier& present_tier(const Segment& segment, std::size_t tier, std::size_t sample);
  void answer(const std::shared_ptr<Request>& request, std::size_t tier);
  void mark_lost(Segment& segment, std::size_t slot, std::size_t sample);
  void lose(const Run& run, std::size_t slot, const FailurePointer& failure, double now_s);
  void lose_all(const Batch& batch, const FailurePointer& failure, double now_s);
  void put_aside(std::size_t slot, const FailurePointer& failure, double until_s, double now_s);
  void requeue(const Batch& batch, bool alone, double now_s);
  void drop(const std::shared_ptr<Request>& request, const FailurePointer& failure);
  void release(const Batch& batch);
  void look(const std::shared_ptr<Request>& request);
  Ended ended();

  Cascade cascade_;
  FlowOptions options_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> first_slot_;           // [tiers]
  std::vector<double> demand_;                    // [slots]
  std::vector<int> batch_;                        // [devices, slots]
  std::vector<std::vector<std::size_t>> hosted_;  // [devices], slots
  std::vector<bool> busy_;                        // [devices]
  std::size_t most_in_flight_ = 0;

  std::size_t classes_ = 0;                                          // 0: no model has answered yet
  std::deque<std::shared_ptr<Request>> entering_;                    // not wholly admitted; they take turns
  std::vector<std::deque<Run>> queue_;                               // [slots]
  std::vector<Backlog> backlog_;                                     // [slots]
  std::vector<double> aside_until_s_;                                // [slots]
  std::vector<int> failures_;                                        // [slots], in a row
  std::vector<FailurePointer> last_failure_;                         // [slots]
  std::unordered_set<std::shared_ptr<Request>> open_;                // not released
  std::set<std::pair<double, std::shared_ptr<Request>>> deadlines_;  // of those that have one and are not settled
  std::size_t in_flight_ = 0;
  std::size_t unanswered_ = 0;
  std::uint64_t answered_ = 0;
  std::vector<std::uint64_t> failed_batches_;
  std::vector<std::uint64_t> reach_;
  std::vector<std::uint64_t> stopped_;
  Ended ended_;                              // of this step
  std::vector<Backlog> hosted_backlog_;      // scratch
  std::vector<const float*> member_scores_;  // scratch
  std::vector<double> mean_;                 // scratch
  std::vector<bool> present_;                // scratch
  std::vector<Partial> partial_;             // [tiers]
};

}  // namespace quorate
