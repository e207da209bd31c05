// How much memory a computation needs at once.
#pragma once

#include <cstdint>
#include <functional>

namespace quorate {

// Runs `body` on this thread and returns the most bytes that it held at once from Torch's CPU allocator.
std::int64_t peak_bytes_of(const std::function<void()>& body);

}  // namespace quorate
