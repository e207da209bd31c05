#include "infer/flow.h"

#include <algorithm>

#include "core/message.h"
#include "quorate/core/error.h"
#include "quorate/plan/admission.h"
#include "quorate/route/decide.h"

namespace quorate {
Flow::Flow(Cascade cascade, std::vector<double> demand, std::vector<int> batch, std::size_t devices)
    : cascade_(std::move(cascade)), batch_(std::move(batch)), hosted_(devices), reach_(cascade_.tiers.size(), 0) {
  for (std::size_t tier = 0; tier < cascade_.tiers.size(); ++tier) {
    first_slot_.push_back(slots_.size());
    for (const int model : cascade_.tiers[tier].members) slots_.push_back({model, tier});
  }
  queue_.resize(slots_.size());
  for (const double each : demand) backlog_.push_back({0, 0, each});
  std::size_t together = 0;
  for (std::size_t device = 0; device < devices; ++device) {
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

void Flow::submit(std::shared_ptr<Request> request) {
  request->undecided = request->samples;
  request->answer.samples = request->samples;
  request->answer.tier.resize(request->samples);
  request->answer.certainty.resize(request->samples);
  request->answer.answer.resize(request->samples);
  unanswered_ += request->samples;
  open_.insert(request);
  entering_.push_back(std::move(request));
  admit();
}

void Flow::admit() {
  while (!entering_.empty() && in_flight_ < most_in_flight_) {
    std::shared_ptr<Request> request = std::move(entering_.front());
    entering_.pop_front();
    const auto segment = std::make_shared<Segment>(request, request->admitted,
                                                   std::min(kSegmentSamples, request->samples - request->admitted));
    segment->scores.resize(slots_.size());
    segment->missing.assign(segment->count, static_cast<int>(cascade_.tiers[0].members.size()));
    request->admitted += segment->count;
    request->in_flight += segment->count;
    in_flight_ += segment->count;
    enqueue(0, segment, 0, segment->count);
    if (request->admitted < request->samples) entering_.push_back(std::move(request));
  }
}

void Flow::enqueue(std::size_t tier, const std::shared_ptr<Segment>& segment, std::size_t begin, std::size_t count) {
  for (std::size_t k = 0; k < cascade_.tiers[tier].members.size(); ++k) {
    const std::size_t slot = first_slot_[tier] + k;
    std::deque<Run>& queue = queue_[slot];
    if (!queue.empty() && queue.back().segment == segment && queue.back().begin + queue.back().count == begin)
      queue.back().count += count;
    else
      queue.push_back({segment, begin, count});
    backlog_[slot].queued += count;
  }
}

std::optional<Batch> Flow::take(std::size_t device) {
  hosted_backlog_.clear();
  for (const std::size_t slot : hosted_[device]) hosted_backlog_.push_back(backlog_[slot]);
  const std::optional<std::size_t> next = pick_next(hosted_backlog_);
  if (!next) return std::nullopt;

  std::optional<Batch> batch(std::in_place);
  batch->slot = hosted_[device][*next];
  std::deque<Run>& queue = queue_[batch->slot];
  const auto wanted = static_cast<std::size_t>(batch_[device * slots_.size() + batch->slot]);
  while (batch->samples < wanted && !queue.empty()) {
    Run& front = queue.front();
    const std::size_t count = std::min(front.count, wanted - batch->samples);
    batch->runs.push_back({front.segment, front.begin, count});
    front.segment->request->running++;
    batch->samples += count;
    front.begin += count;
    front.count -= count;
    if (front.count == 0) queue.pop_front();
  }
  backlog_[batch->slot].queued -= batch->samples;
  backlog_[batch->slot].done += batch->samples;
  return batch;
}

std::vector<std::shared_ptr<Request>> Flow::finish(const Batch& batch, const Scores& scores) {
  if (classes_ != 0 && scores.classes != classes_)
    throw DeviceError(message("it gave ", scores.classes, " classes, but the models before it gave ", classes_));
  classes_ = scores.classes;
  mean_.resize(classes_);

  const std::size_t tier = slots_[batch.slot].tier;
  const float* next = scores.data;
  for (const Run& run : batch.runs) {
    if (!run.segment->request->failure) {
      write(run, batch.slot, next);
      for (std::size_t sample = run.begin; sample < run.begin + run.count; ++sample)
        if (--run.segment->missing[sample] == 0 && !decide_sample(*run.segment, tier, sample))
          enqueue(tier + 1, run.segment, sample, 1);
    }
    next += run.count * classes_;
  }
  std::vector<std::shared_ptr<Request>> settled = release(batch);
  admit();
  return settled;
}

void Flow::write(const Run& run, std::size_t slot, const float* scores) {
  Segment& segment = *run.segment;
  std::unique_ptr<float[]>& room = segment.scores[slot];
  if (!room) room = std::make_unique_for_overwrite<float[]>(segment.count * classes_);
  std::copy_n(scores, run.count * classes_, room.get() + run.begin * classes_);
}

// True where the sample has its answer; else it is set up for the next tier.
bool Flow::decide_sample(Segment& segment, std::size_t tier, std::size_t sample) {
  const bool keep_mean = cascade_.combine != Combine::kLast;
  if (keep_mean && segment.mean.empty()) segment.mean.resize(segment.count * classes_);
  const std::span<double> mean = keep_mean ? std::span(segment.mean).subspan(sample * classes_, classes_) : std::span(mean_);

  member_scores_.clear();
  for (std::size_t k = 0; k < cascade_.tiers[tier].members.size(); ++k)
    member_scores_.push_back(segment.scores[first_slot_[tier] + k].get() + sample * classes_);
  const Decision decision = decide(cascade_.tiers[tier], member_scores_, mean, cascade_.combine, tier);
  ++reach_[tier];
  if (!decision.stop) {
    segment.missing[sample] = static_cast<int>(cascade_.tiers[tier + 1].members.size());
    return false;
  }

  Request& request = *segment.request;
  const std::size_t row = segment.begin + sample;
  if (request.answer.probs.empty()) {
    request.answer.classes = classes_;
    request.answer.probs.resize(request.samples * classes_);
  }
  std::transform(mean.begin(), mean.end(), request.answer.probs.begin() + static_cast<std::ptrdiff_t>(row * classes_),
                 [](double score) { return static_cast<float>(score); });
  request.answer.tier[row] = static_cast<std::int32_t>(tier);
  request.answer.certainty[row] = decision.certainty;
  request.answer.answer[row] = decision.answer;
  --request.undecided;
  --request.in_flight;
  --in_flight_;
  --unanswered_;
  ++answered_;
  return true;
}

std::vector<std::shared_ptr<Request>> Flow::fail(const Batch& batch, std::exception_ptr failure) {
  for (const Run& run : batch.runs) drop(*run.segment->request, failure);
  std::vector<std::shared_ptr<Request>> settled = release(batch);
  admit();
  return settled;
}

std::vector<std::shared_ptr<Request>> Flow::fail_all(const std::exception_ptr& failure) {
  std::vector<std::shared_ptr<Request>> settled;
  for (const std::shared_ptr<Request>& request : std::vector(open_.begin(), open_.end())) {
    drop(*request, failure);
    if (request->settled()) {
      settled.push_back(request);
      open_.erase(request);
    }
  }
  return settled;
}

// Takes a request out of all queues. It stays open until no batch reads its input.
void Flow::drop(Request& request, const std::exception_ptr& failure) {
  if (request.failure) return;
  request.failure = failure;
  in_flight_ -= request.in_flight;
  unanswered_ -= request.undecided;
  std::erase_if(entering_, [&](const auto& other) { return other.get() == &request; });
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    std::erase_if(queue_[slot], [&](const Run& run) {
      if (run.segment->request.get() != &request) return false;
      backlog_[slot].queued -= run.count;
      return true;
    });
}

std::vector<std::shared_ptr<Request>> Flow::release(const Batch& batch) {
  std::vector<std::shared_ptr<Request>> settled;
  for (const Run& run : batch.runs) {
    const std::shared_ptr<Request>& request = run.segment->request;
    --request->running;
    if (!request->settled()) continue;
    settled.push_back(request);
    open_.erase(request);
  }
  return settled;
}

}  // namespace quorate
