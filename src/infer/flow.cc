#include "infer/flow.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "quorate/plan/admission.h"

namespace quorate {

Flow::Flow(Cascade cascade, std::vector<double> demand, std::vector<int> batch, std::size_t devices, FlowOptions options)
    : cascade_(std::move(cascade)),
      options_(options),
      hosted_(devices),
      busy_(devices, false),
      reach_(cascade_.tiers.size(), 0),
      stopped_(cascade_.tiers.size(), 0),
      partial_(cascade_.tiers.size()) {
  for (std::size_t tier = 0; tier < cascade_.tiers.size(); ++tier) {
    first_slot_.push_back(slots_.size());
    for (const int model : cascade_.tiers[tier].members) slots_.push_back({model, tier});
  }
  queue_.resize(slots_.size());
  aside_until_s_.resize(slots_.size(), -kNever);
  failures_.resize(slots_.size(), 0);
  last_failure_.resize(slots_.size());
  failed_batches_.resize(slots_.size(), 0);
  for (const double each : demand) backlog_.push_back({0, 0, each});
  host(std::move(batch));
}

void Flow::host(std::vector<int> batch) {
  batch_ = std::move(batch);
  std::size_t together = 0;
  for (std::size_t device = 0; device < hosted_.size(); ++device) {
    hosted_[device].clear();
    int most = 0;
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      const int here = batch_[device * slots_.size() + slot];
      if (here > 0) hosted_[device].push_back(slot);
      most = std::max(most, here);
    }
    together += static_cast<std::size_t>(most);
  }
  most_in_flight_ = most_in_flight(together);
}

Ended Flow::place(std::vector<int> batch, const FailurePointer& failure, double now_s) {
  host(std::move(batch));
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    bool hosted = false;
    for (std::size_t device = 0; device < hosted_.size(); ++device) hosted |= batch_[device * slots_.size() + slot] > 0;
    if (!hosted && aside_until_s_[slot] < kNever) put_aside(slot, failure, kNever, now_s);
  }
  return ended();
}

Ended Flow::submit(std::shared_ptr<Request> request, double now_s) {
  request->undecided = request->samples;
  request->answer.samples = request->samples;
  request->answer.tier.resize(request->samples);
  request->answer.certainty.resize(request->samples);
  request->answer.answer.resize(request->samples);
  request->answer.degraded.resize(request->samples);
  unanswered_ += request->samples;
  open_.insert(request);
  if (request->deadline_s < kNever) deadlines_.emplace(request->deadline_s, request);
  entering_.push_back(std::move(request));
  admit(now_s);
  return ended();
}

void Flow::admit(double now_s) {
  while (!entering_.empty() && in_flight_ < most_in_flight_) {
    const std::shared_ptr<Request> request = std::move(entering_.front());
    entering_.pop_front();
    const auto segment = std::make_shared<Segment>(request, request->admitted,
                                                   std::min(kSegmentSamples, request->samples - request->admitted));
    segment->scores.resize(slots_.size());
    segment->samples.resize(segment->count);
    request->admitted += segment->count;
    request->in_flight += segment->count;
    in_flight_ += segment->count;
    enter(0, segment, 0, segment->count, now_s);
    if (!request->failure && request->admitted < request->samples) entering_.push_back(request);
  }
}

// Samples come to a tier. Where all of its members are aside they pass on; past the last one the answer that they have
// stands, and a request with a sample that has none fails.
void Flow::enter(std::size_t tier, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count,
                 double now_s) {
  for (; tier < cascade_.tiers.size(); ++tier) {
    int asked = 0;
    for (std::size_t k = 0; k < cascade_.tiers[tier].members.size(); ++k) {
      const std::size_t slot = first_slot_[tier] + k;
      if (!aside(slot, now_s)) {
        ++asked;
        enqueue(slot, segment, begin, count, now_s);
        continue;
      }
      if (!options_.degrade) return drop(segment->request, last_failure_[slot]);
      segment->request->loss = last_failure_[slot];
      for (std::size_t sample = begin; sample < begin + count; ++sample) mark_lost(*segment, slot, sample);
    }
    if (asked == 0) continue;
    for (std::size_t sample = begin; sample < begin + count; ++sample) segment->samples[sample].missing = asked;
    return;
  }
  for (std::size_t sample = begin; sample < begin + count; ++sample) {
    if (segment->samples[sample].decided == 0) {
      // Nobody could answer it: the request itself is the likely reason, not the models.
      std::ranges::fill(failures_, 0);
      return drop(segment->request, segment->request->loss);
    }
    answer(segment->request, static_cast<std::size_t>(segment->request->answer.tier[segment->begin + sample]));
  }
}

void Flow::enqueue(std::size_t slot, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count,
                   double now_s) {
  std::deque<Run>& queue = queue_[slot];
  if (!queue.empty() && !queue.back().alone && queue.back().segment == segment &&
      queue.back().begin + queue.back().count == begin)
    queue.back().count += count;
  else
    queue.push_back({segment, begin, count, now_s, false});
  backlog_[slot].queued += count;
}

bool Flow::ready(std::size_t device, std::size_t slot, double now_s) const {
  if (queue_[slot].empty()) return false;
  return backlog_[slot].queued >= static_cast<std::size_t>(batch_[device * slots_.size() + slot]) ||
         now_s >= queue_[slot].front().since_s + options_.max_wait_s;
}

double Flow::next_batch_s(std::size_t device) const {
  double next = kNever;
  for (const std::size_t slot : hosted_[device]) {
    if (queue_[slot].empty()) continue;
    if (backlog_[slot].queued >= static_cast<std::size_t>(batch_[device * slots_.size() + slot])) return -kNever;
    next = std::min(next, queue_[slot].front().since_s + options_.max_wait_s);
  }
  return next;
}

// How many samples a batch of what waits takes now. One that may wait to fill is not cut: its rest would wait again.
std::size_t Flow::room(std::size_t device, std::size_t slot) const {
  const int here = batch_[device * slots_.size() + slot];
  std::size_t free = 1, batches = 0;
  for (std::size_t other = 0; other < hosted_.size(); ++other)
    free += other != device && !busy_[other] && batch_[other * slots_.size() + slot] == here;
  if (free == 1 || options_.max_wait_s > 0.0) return static_cast<std::size_t>(here);
  for (std::size_t waiting = 0; waiting < slots_.size(); ++waiting) {
    if (backlog_[waiting].queued == 0) continue;
    int least = std::numeric_limits<int>::max();
    for (std::size_t host = 0; host < hosted_.size(); ++host)
      if (const int there = batch_[host * slots_.size() + waiting]; there > 0) least = std::min(least, there);
    batches += batches_of(backlog_[waiting].queued, static_cast<std::size_t>(least));
  }
  return samples_to_take(backlog_[slot].queued, static_cast<std::size_t>(here), batches, free);
}

std::optional<Batch> Flow::take(std::size_t device, double now_s) {
  hosted_backlog_.clear();
  for (const std::size_t slot : hosted_[device]) {
    hosted_backlog_.push_back(backlog_[slot]);
    if (!ready(device, slot, now_s)) hosted_backlog_.back().queued = 0;
  }
  const std::optional<std::size_t> next = pick_next(hosted_backlog_);
  if (!next) return std::nullopt;

  std::optional<Batch> batch(std::in_place);
  batch->device = device;
  batch->slot = hosted_[device][*next];
  std::deque<Run>& queue = queue_[batch->slot];
  const std::size_t wanted = room(device, batch->slot);
  const bool alone = queue.front().alone;
  const Request* first = queue.front().segment->request.get();
  while (batch->samples < wanted && !queue.empty()) {
    Run& front = queue.front();
    if (front.alone != alone || (alone && front.segment->request.get() != first)) break;
    const std::size_t count = std::min(front.count, wanted - batch->samples);
    batch->runs.push_back({front.segment, front.begin, count, front.since_s, alone});
    front.segment->request->running++;
    batch->samples += count;
    front.begin += count;
    front.count -= count;
    if (front.count == 0) queue.pop_front();
  }
  backlog_[batch->slot].queued -= batch->samples;
  backlog_[batch->slot].done += batch->samples;
  busy_[device] = true;
  return batch;
}

// At the front of the queue, and at once.
void Flow::requeue(const Batch& batch, bool alone, double now_s) {
  for (auto run = batch.runs.rbegin(); run != batch.runs.rend(); ++run) {
    if (run->segment->request->failure) continue;
    if (aside(batch.slot, now_s)) {
      lose(*run, batch.slot, last_failure_[batch.slot], now_s);
      continue;
    }
    queue_[batch.slot].push_front({run->segment, run->begin, run->count, -kNever, alone || run->alone});
    backlog_[batch.slot].queued += run->count;
  }
  backlog_[batch.slot].done -= std::min<std::uint64_t>(backlog_[batch.slot].done, batch.samples);
}

Ended Flow::put_back(const Batch& batch, double now_s) {
  busy_[batch.device] = false;
  requeue(batch, false, now_s);
  release(batch);
  admit(now_s);
  return ended();
}

}  // namespace quorate
