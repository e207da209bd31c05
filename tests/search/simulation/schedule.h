// What one simulated study is like. All of it follows from the seed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "quorate/core/random.h"
#include "quorate/search/async_hyperband.h"

namespace quorate::simulation {

inline bool chance(Random& random, double probability) { return random.uniform() < probability; }

// low..high, both included.
inline std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low + 1)));
}

// Time goes by in whole seconds, so that things often happen at the very same moment.
struct Schedule {
  HyperbandOptions hyperband;
  std::int64_t trials = 1;
  std::int64_t more_trials = 0;  // asked for once the study has finished with the first
  int leased_workers = 0;        // as of Study::ask, behind a network
  int held_workers = 0;          // as of Study::run, which die with the scheduler
  int max_attempts = 2;
  double lease_s = 10.0;
  std::int64_t checkpoint_bytes = 1000;
  std::int64_t stride = 1;      // a worker reports every so often
  bool group_commit = false;    // events wait a while before they are written
  bool few_losses = false;      // so that there are ties
  double bad_loss = 0.0;        // of these, NaN and infinities
  std::int64_t quiet_at_s = 0;  // from now on nothing goes wrong any more

  // Chances: of a message,
  double lost = 0.0;
  double repeated = 0.0;
  double nameless = 0.0;  // a request
  // of a worker at each step,
  double worker_crash = 0.0;
  double hang = 0.0;
  double fail = 0.0;
  double release = 0.0;
  double note = 0.0;
  double checkpoint = 0.0;
  double damaged = 0.0;  // the checkpoint that it is to go on from
  double stray = 0.0;    // somebody says something about an attempt that is not his
  // of the scheduler, for each write and for each second,
  double crash_at_write = 0.0;
  double crash = 0.0;
  double other_options = 0.0;  // at a restart
  double enqueue = 0.0;        // for each second
  double proposal = 0.0;       // for each trial of a held worker
};

inline Schedule draw_schedule(Random& random) {
  const auto rate = [&random](double most) { return chance(random, 0.4) ? 0.0 : random.uniform() * most; };
  constexpr std::array<double, 7> kEtas = {1.5, 2.0, 2.0, 2.5, 3.0, 3.0, 4.0};
  constexpr std::array<std::int64_t, 10> kMost = {1, 2, 3, 4, 4, 8, 9, 9, 12, 27};
  Schedule s;
  s.hyperband.eta = kEtas[random.below(kEtas.size())];
  s.hyperband.max_resource = kMost[random.below(kMost.size())];
  s.hyperband.min_resource = chance(random, 0.6) ? 1 : between(random, 1, s.hyperband.max_resource);
  s.hyperband.mode = chance(random, 0.4) ? Mode::kStop : chance(random, 0.6) ? Mode::kPromote : Mode::kDelay;
  s.hyperband.seed = random.below(1000);
  s.hyperband.sampling = chance(random, 0.8) ? Sampling::kRandom : Sampling::kSobol;
  s.hyperband.objectives = chance(random, 0.7) ? 1 : chance(random, 0.7) ? 2 : 3;
  s.trials = between(random, 1, s.hyperband.max_resource > 12 ? 9 : 24);
  s.more_trials = chance(random, 0.2) ? between(random, 1, 4) : 0;
  const std::int64_t workers = between(random, 1, 8);
  s.held_workers = static_cast<int>(chance(random, 0.3) ? workers : chance(random, 0.5) ? 0 : between(random, 0, workers));
  s.leased_workers = static_cast<int>(workers) - s.held_workers;
  s.max_attempts = static_cast<int>(between(random, 1, 3));
  s.lease_s = static_cast<double>(between(random, 5, 20));
  s.checkpoint_bytes = between(random, 20, 400);
  s.stride = chance(random, 0.6) ? std::max<std::int64_t>(1, s.hyperband.max_resource / 4) : between(random, 1, 3);
  s.group_commit = chance(random, 0.4);
  s.few_losses = chance(random, 0.6);
  s.bad_loss = rate(0.4);
  s.quiet_at_s = between(random, 20, 200);
  s.lost = rate(0.25);
  s.repeated = rate(0.3);
  s.nameless = rate(0.3);
  s.worker_crash = rate(0.08);
  s.hang = rate(0.08);
  s.fail = rate(0.1);
  s.release = rate(0.05);
  s.note = rate(0.1);
  s.checkpoint = rate(0.8);
  s.damaged = rate(0.3);
  s.stray = rate(0.1);
  s.crash_at_write = rate(0.06);
  s.crash = rate(0.05);
  s.other_options = rate(0.4);
  s.enqueue = rate(0.1);
  s.proposal = rate(0.5);
  return s;
}

}  // namespace quorate::simulation
