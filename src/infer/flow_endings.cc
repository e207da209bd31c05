// How requests end, and how they go on where models fail.
#include <algorithm>
#include <utility>

#include "core/message.h"
#include "infer/flow.h"

namespace quorate {

Ended Flow::fail(const Batch& batch, const FailurePointer& failure, double now_s) {
  busy_[batch.device] = false;
  ++failed_batches_[batch.slot];
  last_failure_[batch.slot] = failure;
  const std::shared_ptr<Request>& first = batch.runs.front().segment->request;
  const bool several = std::ranges::any_of(batch.runs, [&](const Run& run) { return run.segment->request != first; });
  if (several)
    requeue(batch, true, now_s);
  else
    lose_all(batch, failure, now_s);
  release(batch);
  if (!several && options_.degrade && !first->failure && ++failures_[batch.slot] >= options_.failures_in_a_row) {
    // One more failure after the pause is enough to put it aside again.
    failures_[batch.slot] = options_.failures_in_a_row - 1;
    put_aside(batch.slot, failure, now_s + options_.retry_after_s, now_s);
  }
  admit(now_s);
  return ended();
}

Ended Flow::out_of_memory(const Batch& batch, const FailurePointer& failure, double now_s) {
  if (batch.samples == 1) return fail(batch, failure, now_s);
  ++failed_batches_[batch.slot];
  last_failure_[batch.slot] = failure;
  int& most = batch_[batch.device * slots_.size() + batch.slot];
  most = std::min(most, static_cast<int>(batch.samples / 2));
  return put_back(batch, now_s);
}

Ended Flow::give_up(const Batch& batch, const FailurePointer& failure, double now_s) {
  busy_[batch.device] = false;
  ++failed_batches_[batch.slot];
  lose_all(batch, failure, now_s);
  put_aside(batch.slot, failure, kNever, now_s);
  admit(now_s);
  return ended();
}

Ended Flow::let_go(const Batch& batch) {
  release(batch);
  return ended();
}

void Flow::lose_all(const Batch& batch, const FailurePointer& failure, double now_s) {
  for (const Run& run : batch.runs) lose(run, batch.slot, failure, now_s);
}

// The model will not answer these samples: they go on without it.
void Flow::lose(const Run& run, std::size_t slot, const FailurePointer& failure, double now_s) {
  const std::shared_ptr<Request>& request = run.segment->request;
  if (request->failure) return;
  if (!options_.degrade) return drop(request, failure);
  request->loss = failure;
  for (std::size_t sample = run.begin; sample < run.begin + run.count && !request->failure; ++sample) {
    mark_lost(*run.segment, slot, sample);
    if (--run.segment->samples[sample].missing == 0) conclude(run.segment, slots_[slot].tier, sample, now_s);
  }
}

void Flow::mark_lost(Segment& segment, std::size_t slot, std::size_t sample) {
  if (segment.lost.empty()) segment.lost.resize(slots_.size() * segment.count, 0);
  segment.lost[slot * segment.count + sample] = 1;
  Request& request = *segment.request;
  request.answer.degraded[segment.begin + sample] = 1;
  const auto place = std::ranges::lower_bound(request.lost, slot);
  if (place == request.lost.end() || *place != slot) request.lost.insert(place, slot);
}

void Flow::put_aside(std::size_t slot, const FailurePointer& failure, double until_s, double now_s) {
  last_failure_[slot] = failure;
  aside_until_s_[slot] = until_s;
  backlog_[slot].queued = 0;
  for (const Run& run : std::exchange(queue_[slot], {})) lose(run, slot, failure, now_s);
}

Ended Flow::expire(double now_s) {
  while (next_deadline_s() <= now_s) {
    const std::shared_ptr<Request> request = deadlines_.begin()->second;
    drop(request, failure<DeadlineExceeded>(message("the deadline passed with ", request->undecided, " of ",
                                                    request->samples, " samples unanswered")));
  }
  admit(now_s);
  return ended();
}

Ended Flow::cancel(const std::shared_ptr<Request>& request, const FailurePointer& failure, double now_s) {
  if (!request->over()) drop(request, failure);
  admit(now_s);
  return ended();
}

Ended Flow::cancel_all(const FailurePointer& failure) {
  for (const std::shared_ptr<Request>& request : std::vector(open_.begin(), open_.end()))
    if (!request->over()) drop(request, failure);
  return ended();
}

// Takes a request out of all queues; nothing more is done for it.
void Flow::drop(const std::shared_ptr<Request>& request, const FailurePointer& failure) {
  request->failure = failure;
  in_flight_ -= request->in_flight;
  unanswered_ -= request->undecided;
  if (request->deadline_s < kNever) deadlines_.erase({request->deadline_s, request});
  std::erase(entering_, request);
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    std::erase_if(queue_[slot], [&](const Run& run) {
      if (run.segment->request != request) return false;
      backlog_[slot].queued -= run.count;
      return true;
    });
  look(request);
}

void Flow::release(const Batch& batch) {
  for (const Run& run : batch.runs) {
    --run.segment->request->running;
    look(run.segment->request);
  }
}

// Notes a request's end. Its caller may hear of it once nobody reads an input that only the caller keeps alive.
void Flow::look(const std::shared_ptr<Request>& request) {
  if (!request->over()) return;
  if (!request->settled && (request->owned || request->running == 0)) {
    request->settled = true;
    if (request->deadline_s < kNever) deadlines_.erase({request->deadline_s, request});
    ended_.settled.push_back(request);
  }
  if (!request->released && request->running == 0) {
    request->released = true;
    ended_.released.push_back(request);
    open_.erase(request);
  }
}

Ended Flow::ended() { return std::exchange(ended_, {}); }

}  // namespace quorate
