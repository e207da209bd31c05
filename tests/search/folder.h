#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

namespace quorate {

// An empty folder that goes with its scope.
struct Folder {
  Folder() {
    static std::atomic<int> count = 0;
    path = std::filesystem::temp_directory_path() /
           ("quorate-search-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code stays;
    std::filesystem::remove_all(path, stays);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path path;
};

}  // namespace quorate
