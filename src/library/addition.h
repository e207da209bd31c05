// Additions to a library on disk, one at a time, counted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace quorate {

// One process's turn to add to the library in `folder`; waits for others'. Each addition is counted in the file "additions"
// before what it adds appears, so whoever knows the count as it stands knows of everything there and need not list it; one
// that was counted and then failed costs the others a look. The count is not synced: after a power cut all look anew.
class Addition {
 public:
  explicit Addition(const std::filesystem::path& folder);  // that of the library; throws FileError where it cannot be opened
  ~Addition();
  Addition(const Addition&) = delete;
  Addition& operator=(const Addition&) = delete;

  // How many there were before; nullopt where nobody can tell, as the file system has no locks.
  std::optional<std::uint64_t> before() const { return before_; }
  void count();  // throws FileError

 private:
  std::filesystem::path path_;
  int lock_ = -1;
  std::optional<std::uint64_t> before_;
};

}  // namespace quorate
