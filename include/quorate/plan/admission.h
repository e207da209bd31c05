// How much of a stream a device group works on at once: the other rule, beside policy.h, that simulate() and the engine
// share.
#pragma once

#include <algorithm>
#include <cstddef>

namespace quorate {

// Large requests are let in by segments of so many samples: small enough that requests take turns and the scores of large
// committees fit the cache, large enough that a segment's own cost is lost in a model's.
inline constexpr std::size_t kSegmentSamples = 256;

// Segments are let in while fewer samples than this are under way. `together` is the sum over devices of the largest batch
// there: every device has its next batches waiting while others finish. Eight of them: with four a hundred random plans lost
// up to 10 % of their throughput to queues that ran dry, with eight up to 3 %, as with all samples let in at once.
constexpr std::size_t most_in_flight(std::size_t together) { return std::max(2 * kSegmentSamples, 8 * together); }

}  // namespace quorate
