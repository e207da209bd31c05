#include "plan/stream.h"

#include <algorithm>
#include <cmath>

#include "quorate/plan/admission.h"
#include "quorate/plan/interpolate.h"

namespace quorate {

Stream::Stream(const Plan& plan, const Profile& profile, Itinerary itinerary, double record_before_s)
    : itinerary_(std::move(itinerary)),
      record_before_s_(record_before_s),
      instances_(plan.devices.size()),
      least_batch_(plan.models.size(), std::numeric_limits<std::size_t>::max()),
      queue_(plan.models.size()),
      backlog_(plan.models.size()),
      counted_at_s_(plan.models.size(), 0.0),
      idle_(plan.models.size()),
      running_(plan.devices.size()),
      tier_(itinerary_.exit.size(), 0),
      missing_(itinerary_.exit.size(), 0),
      is_asked_(plan.models.size(), 0),
      answered_s_(itinerary_.exit.size(), 0.0),
      busy_s_(plan.devices.size(), 0.0),
      waited_s_(plan.models.size(), 0.0),
      max_queue_(plan.models.size(), 0) {
  for (std::size_t model = 0; model < plan.models.size(); ++model) backlog_[model].demand = plan.demand[model];
  host(plan, profile);
}

void Stream::host(const Plan& plan, const Profile& profile) {
  std::map<std::pair<std::size_t, int>, std::size_t> alike;  // in free_, by model and batch
  std::size_t together = 0;
  for (std::size_t device = 0; device < plan.devices.size(); ++device) {
    const std::size_t kind = profile.kind_index(plan.devices[device].kind).value();
    std::size_t most = 0;
    std::vector<std::size_t> hosted;
    for (std::size_t model = 0; model < plan.models.size(); ++model)
      if (plan.batch[plan.index(device, model)] > 0) hosted.push_back(model);
    for (std::size_t model = 0; model < plan.models.size(); ++model) {
      const int batch = plan.batch[plan.index(device, model)];
      if (batch == 0 || plan.demand[model] == 0.0) continue;
      const double slower = profile.slowed_by(kind, model, hosted);
      const auto [latency_s, added] = latencies_s_.try_emplace({kind, model, batch, slower});
      if (added) {
        latency_s->second.push_back(0.0);
        for (int samples = 1; samples <= batch; ++samples)
          latency_s->second.push_back(slower * latency_of_batch(profile, kind, model, samples));
      }
      const auto [place, first] = alike.try_emplace({model, batch}, free_.size());
      if (first) free_.push_back(0);
      ++free_[place->second];
      instances_[device].push_back({model, static_cast<std::size_t>(batch), place->second, &latency_s->second});
      least_batch_[model] = std::min(least_batch_[model], static_cast<std::size_t>(batch));
      idle_[model].insert(device);
      most = std::max(most, static_cast<std::size_t>(batch));
    }
    together += most;
  }
  most_in_flight_ = most_in_flight(together);
}

void Stream::end_batch() {
  const auto [now_s, device] = ends_.top();
  ends_.pop();
  for (const std::uint32_t sample : running_[device].samples) {
    if (--missing_[sample] > 0) continue;
    if (tier_[sample] == itinerary_.exit[sample]) {
      answer(sample, now_s);
    } else {
      ++tier_[sample];
      ask(sample, now_s);
    }
  }
  running_[device].samples.clear();
  for (const Instance& instance : instances_[device]) ++free_[instance.alike];
  freed_.push_back(device);
}

void Stream::arrive(std::uint32_t begin, std::uint32_t end) {
  outside_.push_back({begin, end});
  outside_samples_ += end - begin;
}

void Stream::admit(double now_s) {
  while (!outside_.empty() && in_flight_ < most_in_flight_) {
    Requested request = outside_.front();
    outside_.pop_front();
    const std::uint32_t count = std::min<std::uint32_t>(kSegmentSamples, request.end - request.begin);
    in_flight_ += count;
    outside_samples_ -= count;
    for (std::uint32_t i = 0; i < count; ++i) ask(request.begin++, now_s);
    if (request.begin < request.end) outside_.push_back(request);
  }
  max_outside_ = std::max(max_outside_, outside_samples_);
}

void Stream::ask(std::uint32_t sample, double now_s) {
  const auto before = static_cast<double>(sample);
  for (const std::size_t model : itinerary_.tiers[tier_[sample]]) {
    const double share = itinerary_.thinned.empty() ? 1.0 : itinerary_.thinned[model];
    if (share < 1.0 && !(std::floor((before + 1.0) * share) > std::floor(before * share))) continue;
    ++missing_[sample];
    wait(model, sample, now_s);
  }
  if (missing_[sample] == 0) answer(sample, now_s);
}

void Stream::answer(std::uint32_t sample, double now_s) {
  answered_s_[sample] = now_s;
  --in_flight_;
}

void Stream::wait(std::size_t model, std::uint32_t sample, double now_s) {
  count_waiting(model, now_s);
  batches_waiting_ += queue_[model].size() % least_batch_[model] == 0 ? 1 : 0;
  queue_[model].push_back(sample);
  ++backlog_[model].queued;
  if (is_asked_[model] != 0) return;
  is_asked_[model] = 1;
  asked_.push_back(model);
}

void Stream::count_waiting(std::size_t model, double now_s) {
  waited_s_[model] += static_cast<double>(backlog_[model].queued) * (now_s - counted_at_s_[model]);
  counted_at_s_[model] = now_s;
}

void Stream::settle(double now_s) {
  admit(now_s);
  // What may find work: devices that became free, and the first idle host of each model that was asked, then its next.
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  using Candidate = std::pair<std::size_t, std::size_t>;  // device; the model that it is the first idle host of, or kNone
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  for (const std::size_t device : freed_) candidates.emplace(device, kNone);
  const auto add_first_idle = [&](std::size_t model) {
    if (backlog_[model].queued > 0 && !idle_[model].empty()) candidates.emplace(*idle_[model].begin(), model);
  };
  for (const std::size_t model : asked_) add_first_idle(model);
  while (!candidates.empty()) {
    const auto [device, model] = candidates.top();
    candidates.pop();
    const bool ran = running_[device].samples.empty() && run_next(device, now_s);
    if (model != kNone) {
      if (ran)
        for (const Instance& instance : instances_[device]) idle_[instance.model].erase(device);
      add_first_idle(model);
    } else if (!ran) {
      for (const Instance& instance : instances_[device]) idle_[instance.model].insert(device);
    }
  }
  for (const std::size_t model : asked_) {
    max_queue_[model] = std::max(max_queue_[model], backlog_[model].queued);
    is_asked_[model] = 0;
  }
  asked_.clear();
  freed_.clear();
}

bool Stream::run_next(std::size_t device, double now_s) {
  hosted_.clear();
  for (const Instance& instance : instances_[device]) hosted_.push_back(backlog_[instance.model]);
  const std::optional<std::size_t> next = pick_next(hosted_);
  if (!next) return false;

  const Instance& instance = instances_[device][*next];
  Running& running = running_[device];
  std::deque<std::uint32_t>& queue = queue_[instance.model];
  const std::size_t count = samples_to_take(queue.size(), instance.batch, batches_waiting_, free_[instance.alike]);
  for (const Instance& hosted : instances_[device]) --free_[hosted.alike];
  const auto end = queue.begin() + static_cast<std::ptrdiff_t>(count);
  running.model = instance.model;
  running.samples.assign(queue.begin(), end);
  batches_waiting_ -= batches_of(queue.size(), least_batch_[instance.model]);
  queue.erase(queue.begin(), end);
  batches_waiting_ += batches_of(queue.size(), least_batch_[instance.model]);
  count_waiting(instance.model, now_s);
  backlog_[instance.model].queued -= count;
  backlog_[instance.model].done += count;

  const double latency_s = (*instance.latency_s)[count];
  busy_s_[device] += latency_s;
  ends_.emplace(now_s + latency_s, device);
  ++batches_;
  if (now_s < record_before_s_) record_.push_back({device, instance.model, count, now_s, now_s + latency_s});
  return true;
}

}  // namespace quorate
