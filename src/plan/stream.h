// A simulated stream between two moments: which samples wait for which model, and what each device runs. Pure state; time
// is an argument. The twin of infer/flow.h, with latencies from a profile where that one has models.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <queue>
#include <set>
#include <vector>

#include "quorate/plan/policy.h"
#include "quorate/plan/simulate.h"

namespace quorate {

// What each sample asks.
struct Itinerary {
  std::vector<std::vector<std::size_t>> tiers;  // models
  std::vector<std::uint32_t> exit;              // [samples], the last tier that each asks
  std::vector<double> thinned;  // [models], the share of samples that ask it; empty: all that come to its tier
};

class Stream {
 public:
  // `plan` is checked and for `profile`; every model that is asked is placed, with a demand above 0.
  Stream(const Plan& plan, const Profile& profile, Itinerary itinerary, double record_before_s);

  double next_end_s() const { return ends_.empty() ? std::numeric_limits<double>::infinity() : ends_.top().first; }

  // Ends the first batch that is due: its samples are answered, or wait for their next tier. O(batch x models of a tier).
  void end_batch();

  // Samples [begin, end) come as one request.
  void arrive(std::uint32_t begin, std::uint32_t end);

  // After all that happened at this moment: lets segments in; free devices take what waits, the first device first. A
  // device that finds nothing stays idle until something waits for it. O((taken + asked models) x log devices).
  void settle(double now_s);

  // answered_s is 0 for a sample that is on its way; the other counts are Simulation's.
  const std::vector<double>& answered_s() const { return answered_s_; }
  const std::vector<double>& busy_s() const { return busy_s_; }      // [devices]
  const std::vector<double>& waited_s() const { return waited_s_; }  // [models], summed over samples
  const std::vector<Backlog>& backlog() const { return backlog_; }   // [models]
  const std::vector<std::size_t>& max_queue() const { return max_queue_; }
  std::size_t max_outside() const { return max_outside_; }
  std::size_t batches() const { return batches_; }
  std::vector<SimulatedBatch> take_record() { return std::move(record_); }

 private:
  struct Instance {
    std::size_t model = 0;
    std::size_t batch = 0;
    std::size_t alike = 0;                           // in free_: hosts of the model with the same batch
    const std::vector<double>* latency_s = nullptr;  // [batch + 1], of so many samples
  };
  struct Running {
    std::size_t model = 0;
    std::vector<std::uint32_t> samples = {};  // empty: idle
  };
  struct Requested {
    std::uint32_t begin = 0, end = 0;
  };
  using End = std::pair<double, std::size_t>;  // time and device

  void host(const Plan& plan, const Profile& profile);
  void admit(double now_s);
  void ask(std::uint32_t sample, double now_s);
  void answer(std::uint32_t sample, double now_s);
  void wait(std::size_t model, std::uint32_t sample, double now_s);
  bool run_next(std::size_t device, double now_s);
  void count_waiting(std::size_t model, double now_s);

  Itinerary itinerary_;
  double record_before_s_;
  std::size_t most_in_flight_ = 0;
  std::map<std::tuple<std::size_t, std::size_t, int, double>, std::vector<double>>
      latencies_s_;                               // by kind, model, batch and slowdown
  std::vector<std::vector<Instance>> instances_;  // [devices]
  std::vector<std::size_t> free_;                 // hosts of a model with a batch that run nothing, see Instance
  std::vector<std::size_t> least_batch_;          // [models], of its hosts
  std::size_t batches_waiting_ = 0;               // of all models, by their least batch
  std::vector<Backlog> hosted_;                   // scratch

  std::deque<Requested> outside_;
  std::size_t outside_samples_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<std::deque<std::uint32_t>> queue_;  // [models], samples
  std::vector<Backlog> backlog_;                  // [models]
  std::vector<double> counted_at_s_;              // [models], when waited_s was last brought up to date
  std::vector<std::set<std::size_t>> idle_;       // [models], devices that host it and wait
  std::vector<Running> running_;                  // [devices]
  std::vector<std::uint32_t> tier_;               // [samples]
  std::vector<std::uint32_t> missing_;            // [samples], models of its tier that have still to run it
  std::vector<std::uint8_t> is_asked_;            // [models], something came to wait for it at this moment
  std::vector<std::size_t> asked_;                // those models
  std::vector<std::size_t> freed_;                // devices whose batches ended at this moment
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;

  std::vector<double> answered_s_;
  std::vector<double> busy_s_;
  std::vector<double> waited_s_;
  std::vector<std::size_t> max_queue_;
  std::size_t max_outside_ = 0;
  std::size_t batches_ = 0;
  std::vector<SimulatedBatch> record_;
};

}  // namespace quorate
