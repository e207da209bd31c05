// Errors of the operating system on files.
#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "quorate/core/error.h"

namespace quorate {

// "<path>: cannot <doing>: <errno in words>"
[[noreturn]] inline void fail(const std::filesystem::path& path, const std::string& doing) {
  const int error = errno;
  throw FileError(path, "cannot " + doing + ": " + std::strerror(error));
}

}  // namespace quorate
