#include "quorate/core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/message.h"
#include "core/system_error.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

// A file opened to read; below 0 where it cannot be.
class Descriptor {
 public:
  explicit Descriptor(const fs::path& path) : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  ~Descriptor() { close(); }
  void close() {
    if (value_ >= 0) ::close(std::exchange(value_, -1));
  }
  int get() const { return value_; }
  bool is_open() const { return value_ >= 0; }

 private:
  int value_;
};

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// A descriptor that is kept saves opening the file for every read (3 us), but a process has few of them and a library may
// have thousands of models: maps together keep at most a quarter of what the process may open.
std::atomic<std::uint64_t> kept = 0;

bool may_keep_another() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && kept < limit.rlim_cur / 4;
}

}  // namespace

struct MappedFile::Map {
  Map(const fs::path& of, Descriptor open) : path(of), descriptor(std::move(open)) {}
  ~Map() {
    if (is_ours && size > 0) ::munmap(const_cast<std::byte*>(data), size);
    if (is_kept) --kept;
  }
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  void keep_or_close() {
    is_kept = may_keep_another();
    if (is_kept)
      ++kept;
    else
      descriptor.close();
  }

  fs::path path;
  Descriptor descriptor;  // open where it is kept
  bool is_kept = false;
  bool is_ours = false;
  struct stat file {};  // when it was opened: tells whether another one stands at `path` now
  std::size_t offset = 0;
  const std::byte* data = nullptr;
  std::size_t size = 0;
};

MappedFile::MappedFile(const fs::path& path) {
  const auto map = std::make_shared<Map>(path, Descriptor(path));
  if (!map->descriptor.is_open()) fail(path, "open");
  if (::fstat(map->descriptor.get(), &map->file) != 0) fail(path, "read the size");
  if (!S_ISREG(map->file.st_mode)) throw FileError(path, "is not a file");
  if (map->file.st_size > 0) {
    const auto size = static_cast<std::size_t>(map->file.st_size);
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, map->descriptor.get(), 0);
    if (address == MAP_FAILED) fail(path, "map");
    map->is_ours = true;
    map->data = static_cast<const std::byte*>(address);
    map->size = size;
  }
  map->keep_or_close();
  map_ = map;
}

std::optional<MappedFile> MappedFile::around(const void* data, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    // "7f00-7f80 r--s 00001000 fd:01 1234     /path": addresses, permissions, offset, device, inode.
    std::istringstream fields(line);
    std::uintptr_t from = 0, to = 0, offset = 0;
    std::uint64_t inode = 0;
    char dash = 0;
    std::string permissions, device, path;
    fields >> std::hex >> from >> dash >> to >> permissions >> offset >> device >> std::dec >> inode >> std::ws;
    std::getline(fields, path);
    if (begin < from || begin >= to) continue;
    // A private map may hold what its file does not.
    if (bytes > to - begin || !permissions.ends_with('s') || inode == 0 || path.empty()) return std::nullopt;
    const auto map = std::make_shared<Map>(path, Descriptor(path));
    // Not the device: that of an overlay is another one here than where the file is opened.
    if (!map->descriptor.is_open() || ::fstat(map->descriptor.get(), &map->file) != 0 || map->file.st_ino != inode ||
        !S_ISREG(map->file.st_mode))
      return std::nullopt;
    map->offset = offset + (begin - from);
    map->data = static_cast<const std::byte*>(data);
    map->size = bytes;
    map->keep_or_close();
    return MappedFile(map);
  }
  return std::nullopt;
}

std::span<const std::byte> MappedFile::bytes() const { return {map_->data, map_->size}; }
std::string_view MappedFile::text() const { return {reinterpret_cast<const char*>(map_->data), map_->size}; }
std::shared_ptr<const void> MappedFile::owner() const {
  return map_->is_ours ? std::shared_ptr<const void>(map_, map_->data) : nullptr;
}

// Not guarded by a look at the file's size, which can come before the truncation and the read after it, nor by a handler of
// SIGBUS, which is the program's and not a library's. pread() just gives less. It is also no slower than a first pass over a
// map, whose pages have to be made resident one by one, and keeps the resident memory at the caller's buffer.
void MappedFile::read(const void* from, std::size_t count, void* out) const {
  auto* to = static_cast<std::byte*>(out);
  std::size_t at = map_->offset + static_cast<std::size_t>(static_cast<const std::byte*>(from) - map_->data);
  std::optional<Descriptor> reopened;
  int descriptor = map_->descriptor.get();
  if (!map_->is_kept) {
    struct stat now {};
    reopened.emplace(map_->path);
    descriptor = reopened->get();
    // A file that is gone from its place is out of everybody's reach, and the map still holds it.
    if (!reopened->is_open() || ::fstat(descriptor, &now) != 0 || !is_same(now, map_->file)) {
      std::memcpy(out, from, count);
      return;
    }
  }
  while (count > 0) {
    const ssize_t done = ::pread(descriptor, to, count, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail(map_->path, "read");
    if (done == 0) {
      struct stat now {};
      ::fstat(descriptor, &now);
      throw FileError(map_->path, message("is truncated while it is read: expected at least ", map_->offset + map_->size,
                                          " bytes, found ", now.st_size));
    }
    at += static_cast<std::size_t>(done);
    to += done;
    count -= static_cast<std::size_t>(done);
  }
}

void MappedFile::release(const void* from, std::size_t count) const {
  if (count == 0) return;
  // Whole pages, so some of what lies beside them too: they are of the same shared map, and are read from the file again.
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(from) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(from) + count;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace quorate
