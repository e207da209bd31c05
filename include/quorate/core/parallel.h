#pragma once

#include <cstddef>
#include <functional>

namespace quorate {

// Calls body(begin, end) on disjoint ranges that cover [0, count), on up to `threads` threads (0: one for each core that
// this process may use), and returns when all are done. Ranges depend on count and threads alone, which thread gets
// which does not: a range whose thread is late is the caller's. Bodies that write only to their own range therefore give the
// same result for any number of threads. The first exception is rethrown here. Each thread that calls this keeps the threads
// that it started until it ends, or may use other cores; a fork starts its own.
// Throws std::system_error where a thread cannot be started, before any body is called.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t begin, std::size_t end)>& body);

// Cores that this process may use, from its affinity mask; at least 1.
int available_cores();

}  // namespace quorate
