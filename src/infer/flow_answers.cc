// How what models gave becomes answers.
#include <algorithm>

#include "core/message.h"
#include "infer/flow.h"
#include "infer/survivors.h"
#include "quorate/core/error.h"
#include "quorate/route/decide.h"

namespace quorate {

Ended Flow::finish(const Batch& batch, const Scores& scores, double now_s) {
  if (classes_ != 0 && scores.classes != classes_)
    throw DeviceError(message("it gave ", scores.classes, " classes, but the models before it gave ", classes_));
  busy_[batch.device] = false;
  classes_ = scores.classes;
  mean_.resize(classes_);
  failures_[batch.slot] = 0;

  const std::size_t tier = slots_[batch.slot].tier;
  const float* next = scores.data;
  for (const Run& run : batch.runs) {
    if (!run.segment->request->failure) {
      write(run, batch.slot, next);
      for (std::size_t sample = run.begin; sample < run.begin + run.count && !run.segment->request->failure; ++sample)
        if (--run.segment->samples[sample].missing == 0) conclude(run.segment, tier, sample, now_s);
    }
    next += run.count * classes_;
  }
  release(batch);
  admit(now_s);
  return ended();
}

void Flow::write(const Run& run, std::size_t slot, const float* scores) {
  Segment& segment = *run.segment;
  std::unique_ptr<float[]>& room = segment.scores[slot];
  if (!room) room = std::make_unique_for_overwrite<float[]>(segment.count * classes_);
  std::copy_n(scores, run.count * classes_, room.get() + run.begin * classes_);
}

// All members of the sample's tier have answered or been lost.
void Flow::conclude(const std::shared_ptr<Segment>& segment, std::size_t tier, std::size_t sample, double now_s) {
  if (decide_sample(*segment, tier, sample))
    answer(segment->request, tier);
  else
    enter(tier + 1, segment, sample, 1, now_s);
}

// True where the tier is sure of the sample. What it says is written down either way: it stands if no later tier can answer.
bool Flow::decide_sample(Segment& segment, std::size_t tier, std::size_t sample) {
  const Tier& present = segment.lost.empty() ? cascade_.tiers[tier] : present_tier(segment, tier, sample);
  member_scores_.clear();
  for (std::size_t k = 0; k < cascade_.tiers[tier].members.size(); ++k) {
    const std::size_t slot = first_slot_[tier] + k;
    if (segment.lost.empty() || segment.lost[slot * segment.count + sample] == 0)
      member_scores_.push_back(segment.scores[slot].get() + sample * classes_);
  }
  if (member_scores_.empty()) return false;

  const bool keep_mean = cascade_.combine != Combine::kLast;
  if (keep_mean && segment.mean.empty()) segment.mean.resize(segment.count * classes_);
  const std::span<double> mean = keep_mean ? std::span(segment.mean).subspan(sample * classes_, classes_) : std::span(mean_);
  const Decision decision = decide(present, member_scores_, mean, cascade_.combine, segment.samples[sample].decided);
  ++segment.samples[sample].decided;
  ++reach_[tier];

  Answer& said = segment.request->answer;
  const std::size_t row = segment.begin + sample;
  if (said.probs.empty()) {
    said.classes = classes_;
    said.probs.resize(segment.request->samples * classes_);
  }
  std::transform(mean.begin(), mean.end(), said.probs.begin() + static_cast<std::ptrdiff_t>(row * classes_),
                 [](double score) { return static_cast<float>(score); });
  said.tier[row] = static_cast<std::int32_t>(tier);
  said.certainty[row] = decision.certainty;
  said.answer[row] = decision.answer;
  return decision.stop;
}

// The tier as it stands for a sample that some members were lost for. Samples mostly lack the same ones as the last did.
const Tier& Flow::present_tier(const Segment& segment, std::size_t tier, std::size_t sample) {
  present_.clear();
  for (std::size_t k = 0; k < cascade_.tiers[tier].members.size(); ++k)
    present_.push_back(segment.lost[(first_slot_[tier] + k) * segment.count + sample] == 0);
  Partial& partial = partial_[tier];
  if (partial.present != present_) partial = {present_, survivors(cascade_.tiers[tier], present_)};
  return partial.tier;
}

void Flow::answer(const std::shared_ptr<Request>& request, std::size_t tier) {
  ++stopped_[tier];
  ++answered_;
  --unanswered_;
  --in_flight_;
  --request->in_flight;
  if (--request->undecided == 0) look(request);
}

}  // namespace quorate
