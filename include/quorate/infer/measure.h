// A profile by running the models on this machine.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "quorate/infer/engine.h"
#include "quorate/library/model_library.h"
#include "quorate/plan/profile.h"

namespace quorate {

// One cell of a profile, as it becomes known.
struct Measurement {
  std::string kind;
  std::string model;
  int batch = 0;
  double latency_s = std::numeric_limits<double>::infinity();  // median of the runs so far; infinity: it failed
  int runs = 0;                                                // that count, so far
  std::int64_t memory_bytes = 0;                               // of an instance
  std::int64_t weights_bytes = 0;                              // the part of it that stays between batches
  std::string failure;                                         // why it counts as not running there; empty where it ran
  // Where the runs are of what a neighbour costs: its name, and the factor by the runs so far. latency_s stays as it was.
  std::string beside = {};
  double slowdown = 1.0;
};

struct MeasureOptions {
  std::vector<int> batch_sizes = {1, 8, 32};  // ascending
  std::vector<std::string> models = {};       // of the library, in the profile's order; empty: all
  int warmup = 3;                             // runs that are not counted
  int repeats = 9;                            // runs that count
  bool smooth = true;                         // see below
  int slowdown_batch = 0;                     // one of batch_sizes, at which slowdowns are measured; 0: none are
  double timeout_s = std::numeric_limits<double>::infinity();  // a run that takes longer counts as a failure
  bool trust = false;                                          // see load_backend
  // Called on the caller's thread after each run that counts, and once for what fails.
  std::function<void(const Measurement&)> progress = nullptr;
};

// Latency of a whole batch, alone, on the first of `devices` of each kind, by a thread bound to it as the engine's are. The
// batch repeats the rows of `sample`. All models are loaded and warmed up first; then come `repeats` rounds, each of one run
// of every model at every batch size, a different model each time. So what a machine does for a while, being slow say, falls
// on all of them alike, and on a few runs of each: the median counts.
//
// A plan picks the batch size that seems best, often the luckiest one. With `smooth`, medians are therefore moved towards a
// line over batch sizes, as far as the scatter of the runs says that their distance from it is luck (smoothed_latencies_s in
// src/infer/smooth.h). It takes three batch sizes and three repeats at least; without it the medians stand.
//
// With `slowdown_batch`, each round goes on to every pair of models on every kind: a batch of the one, then two of the
// other, at that size. The first of these runs after a neighbour's, the second after its own, as batches on an engine's
// device do, which take turns; the profile's slowdown of the two is how much longer the first took (slowdown_of in
// src/infer/slowdown.h): the median over rounds, or 1 where luck may explain it. Latencies are then those of runs after a
// run of the same model, which does not count.
//
// Memory of an instance: weights (parameters, buffers and constants) plus the most that one run had allocated at once from
// Torch's CPU allocator, its output included and its input not, as the allocator itself reports it. Not counted: code, what
// libraries allocate on their own, and the 1-2 MiB of a thread. So the same model and batch give the same number every
// time.
//
// A model that fails at a batch size, or has no memory for it, has an infinite latency there, and `progress` hears why; the
// others are measured all the same. So is a batch size of which a run took longer than `timeout_s`, and all larger ones of
// that model on that kind, which are not tried; a run that never ends is not interrupted. A model that fails at all of them
// is left out of the profile. Throws DeviceError with the last one's words where no model remains; std::invalid_argument
// for a model without a file, batch sizes that do not ascend, a timeout that is not above 0, a slowdown_batch that is not
// one of them or has fewer than 5 repeats, devices that are not here; FileError as load_backend does. Takes models x kinds x
// the sum over batches of (warmup + 1 + repeats) runs; with slowdowns twice the repeats, and 3 x repeats for each pair and
// kind.
Profile measure_profile(const ModelLibrary& library, const std::vector<Device>& devices, const Samples& sample,
                        const MeasureOptions& options = {});

}  // namespace quorate
