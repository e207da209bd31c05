// Files in memory without reading them first, and reads from them that survive a truncation.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace quorate {

// Read-only memory map of a whole file, unmapped when the last copy goes; or memory in a map that somebody else made, who
// then keeps it. Safe to use from several threads.
class MappedFile {
 public:
  // Throws FileError, naming the file, where it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);

  // The part of somebody else's map that is [data, data + bytes). nullopt where that memory is not wholly a shared map of
  // one file, or the file is not found again.
  static std::optional<MappedFile> around(const void* data, std::size_t bytes);

  std::span<const std::byte> bytes() const;
  std::string_view text() const;
  std::shared_ptr<const void> owner() const;  // keeps bytes() mapped; null for somebody else's map and an empty file

  // Copies [from, from + count), which must lie within bytes(), to `out`: out of the file, not through the map. Reading the
  // map of a file that has been truncated kills the process (SIGBUS); this throws FileError, naming the file, the bytes it
  // must have and those it has. Makes no page of the map resident.
  void read(const void* from, std::size_t count, void* out) const;

  // A hint that [from, from + count) is not read through the map soon: its pages need not stay resident.
  void release(const void* from, std::size_t count) const;

 private:
  struct Map;
  explicit MappedFile(std::shared_ptr<const Map> map) : map_(std::move(map)) {}

  std::shared_ptr<const Map> map_;
};

}  // namespace quorate
