// The library's own errors. A caller's mistake throws std::invalid_argument instead (Python: ValueError), with a message
// that names the argument, its value and what it must be.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace quorate {

// Something outside the program failed. Base of the errors below (Python: quorate.Error, a RuntimeError).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A file or folder is missing, truncated, malformed or could not be written. The message starts with the path.
class FileError : public Error {
 public:
  FileError(const std::filesystem::path& path, const std::string& what) : Error(path.string() + ": " + what) {}
};

// A device or a model running on it failed; the message carries the driver's or the model's own words.
class DeviceError : public Error {
 public:
  using Error::Error;
};

}  // namespace quorate
