// A folder of a test's own, removed with everything in it when the test ends.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

#include "quorate/core/file.h"

namespace quorate::test {

class TemporaryFolder {
 public:
  // In `parent` where that exists, else where temporary files go.
  explicit TemporaryFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    const bool exists = std::filesystem::is_directory(parent);
    std::string name = ((exists ? parent : std::filesystem::temp_directory_path()) / "quorate-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Writes a file without the care and the time that write_file takes. A new one each time: some file systems wait for the
// disk when a file is overwritten.
inline void put(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::remove(path);
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
}

// Every file and folder below a folder with its content, to compare before and after.
inline std::map<std::string, std::string> snapshot(const std::filesystem::path& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    result[entry.path().string()] = entry.is_directory() ? "(folder)" : read_file(entry.path());
  return result;
}

}  // namespace quorate::test
