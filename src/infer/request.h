// What moves through a committee: requests, cut into segments, gathered into batches.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "quorate/infer/engine.h"

namespace quorate {

inline constexpr double kNever = std::numeric_limits<double>::infinity();

// Why something has no answer. Thrown anew for each who asks: exceptions themselves do not pass from thread to thread.
struct Failure {
  std::string words;
  void (*raise)(const std::string& words);
};
using FailurePointer = std::shared_ptr<const Failure>;

template <class Thrown>
FailurePointer failure(std::string words) {
  return std::make_shared<const Failure>(std::move(words), [](const std::string& said) { throw Thrown(said); });
}

// One call of submit().
struct Request {
  const float* input = nullptr;  // [samples, features...]
  std::size_t samples = 0;
  std::vector<std::int64_t> features = {};  // shape of one sample
  std::size_t row = 0;                      // floats in a sample
  double deadline_s = kNever;               // on the engine's clock
  // The input is kept alive by what holds the request, so it can be answered while a batch that is no longer waited for
  // still reads it.
  bool owned = false;

  std::size_t admitted = 0;            // samples that have been cut into segments
  std::size_t undecided = 0;           // samples without an answer
  std::size_t in_flight = 0;           // admitted and undecided
  std::size_t running = 0;             // batches that read the input now
  FailurePointer failure = {};         // why there is no answer
  FailurePointer loss = {};            // why a member is missing from the answer: the last such reason
  std::vector<std::size_t> lost = {};  // slots of the members that are missing from some sample's answer, ascending
  bool settled = false;                // its caller may have been told
  bool released = false;               // and nobody reads the input
  Answer answer = {};

  bool over() const { return failure || undecided == 0; }
};

// Consecutive samples of a request, with what their members have said so far. Large requests pass through in segments, so
// that the memory for members' scores is bounded and small requests need not wait behind them.
struct Segment {
  struct Sample {
    int missing = 0;          // members of its tier that have neither answered nor been lost
    std::size_t decided = 0;  // tiers that have decided on it
  };

  std::shared_ptr<Request> request;
  std::size_t begin = 0;
  std::size_t count = 0;
  std::vector<std::unique_ptr<float[]>> scores = {};  // [slots] of [count, classes]; made when the first arrives
  std::vector<Sample> samples = {};                   // [count]
  std::vector<double> mean = {};        // [count, classes], of the tiers so far; for Combine::kMean and kMajority
  std::vector<std::uint8_t> lost = {};  // [slots, count], members that will not answer; empty while there are none
};

// Consecutive samples of a segment.
struct Run {
  std::shared_ptr<Segment> segment;
  std::size_t begin = 0;
  std::size_t count = 0;
  double since_s = 0.0;  // when it came to the queue
  bool alone = false;    // in no batch with other requests: it was in one that failed

  const float* input() const { return segment->request->input + (segment->begin + begin) * segment->request->row; }
};

struct Batch {
  std::size_t device = 0;
  std::size_t slot = 0;
  std::size_t samples = 0;
  std::vector<Run> runs = {};
};

// What became of requests in a step. Each is in each list once in its life.
struct Ended {
  std::vector<std::shared_ptr<Request>> settled;   // their callers can be told
  std::vector<std::shared_ptr<Request>> released;  // their inputs can go

  void add(const Ended& more) {
    settled.insert(settled.end(), more.settled.begin(), more.settled.end());
    released.insert(released.end(), more.released.begin(), more.released.end());
  }
};

}  // namespace quorate
