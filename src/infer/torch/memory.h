// Torch's ways to say that memory ran out, as ours. Private to the files that include Torch.
#pragma once

#include <c10/util/Exception.h>

#include <string_view>

#include "quorate/infer/backend.h"

namespace quorate {

// Runs `body`. An accelerator's allocator has an exception for it; the CPU's fails a check like any other, and TorchScript
// puts any exception into words.
template <class Body>
auto telling_memory(const Body& body) {
  try {
    return body();
  } catch (const c10::OutOfMemoryError& error) {
    throw OutOfMemory(error.what_without_backtrace());
  } catch (const std::exception& error) {
    const std::string_view words = error.what();
    if (words.find("can't allocate memory") == words.npos && words.find("out of memory") == words.npos) throw;
    throw OutOfMemory(error.what());
  }
}

}  // namespace quorate
