#include "quorate/core/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>

#include "core/system_error.h"
#include "quorate/core/error.h"
#include "quorate/core/mapped_file.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : Descriptor(path, flags, path) {}
  // `meant` is what errors name: the file that a temporary one stands for.
  Descriptor(const fs::path& path, int flags, const fs::path& meant)
      : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (value_ < 0) fail(meant, flags & O_CREAT ? "create" : "open");
  }
  ~Descriptor() { ::close(value_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

void sync(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (::fsync(file.get()) != 0) fail(path, "sync");
}

void sync_parent(const fs::path& path) { sync(path.has_parent_path() ? path.parent_path() : fs::path(".")); }

constexpr std::string_view kTemporary = ".tmp-";

// Tells machines that share a file system apart: a process number means something on its own machine only.
std::string machine() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return sha256(name).substr(0, 8);
}

// In the same folder, so that a rename stays in one file system, and unique among the threads and processes that write
// there:
// ".<name>.tmp-<machine>-<process>-<number>".
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter = 0;
  fs::path result = path;
  result.replace_filename("." + path.filename().string() + std::string(kTemporary) + machine() + "-" +
                          std::to_string(::getpid()) + "-" + std::to_string(counter++));
  return result;
}

// Whether a name is one that temporary_beside made for a process of this machine that has ended.
bool is_of_ended_process(std::string_view name) {
  name.remove_prefix(name.rfind(kTemporary) + kTemporary.size());
  const std::string here = machine() + "-";
  if (!name.starts_with(here)) return false;
  name.remove_prefix(here.size());
  pid_t process = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  return error == std::errc() && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH;
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(*entry);
  if (error) throw FileError(folder, "cannot list: " + error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<fs::path> visible(const fs::path& folder, fs::file_type type) {
  std::vector<fs::path> result;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    std::error_code gone;
    if (entry.status(gone).type() == type && !entry.path().filename().string().starts_with('.'))
      result.push_back(entry.path());
  }
  return result;
}

void sync_all(const fs::path& folder) {
  for (const fs::directory_entry& entry : entries_of(folder)) {
    if (entry.is_directory())
      sync_all(entry.path());
    else
      sync(entry.path());
  }
  sync(folder);
}

void rename_into_place(const fs::path& temporary, const fs::path& path) {
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "rename into place");
  sync_parent(path);
}

// Removes what it names unless it was renamed away.
struct Cleanup {
  fs::path path;
  ~Cleanup() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

std::string hexadecimal(std::span<const unsigned char> digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string read_file(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0) fail(path, "read");
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

void write_file(const fs::path& path, std::string_view content) {
  const Cleanup temporary{temporary_beside(path)};
  {
    const Descriptor file(temporary.path, O_WRONLY | O_CREAT | O_EXCL, path);
    while (!content.empty()) {
      const ssize_t count = ::write(file.get(), content.data(), content.size());
      if (count < 0) fail(path, "write");
      content.remove_prefix(static_cast<std::size_t>(count));
    }
    if (::fsync(file.get()) != 0) fail(path, "sync");
  }
  rename_into_place(temporary.path, path);
}

void write_folder(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
  std::error_code unknown;
  if (fs::exists(path, unknown)) throw FileError(path, "exists already");
  const Cleanup temporary{temporary_beside(path)};
  std::error_code error;
  fs::create_directories(temporary.path, error);
  if (error) throw FileError(path, "cannot create: " + error.message());
  fill(temporary.path);
  sync_all(temporary.path);
  rename_into_place(temporary.path, path);
}

void remove_folder(const fs::path& path) {
  const Cleanup temporary{temporary_beside(path)};
  if (::rename(path.c_str(), temporary.path.c_str()) != 0) {
    if (errno == ENOENT) return;
    fail(path, "rename to remove it");
  }
  // Else a power cut could keep the deletion of a file and lose the renaming before it.
  sync_parent(path);
}

void copy_file(const fs::path& from, const fs::path& to) {
  const MappedFile source(from);
  write_file(to, source.text());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw FileError(path, "cannot create: " + error.message());
}

std::vector<fs::path> files_in(const fs::path& folder) { return visible(folder, fs::file_type::regular); }
std::vector<fs::path> folders_in(const fs::path& folder) { return visible(folder, fs::file_type::directory); }

void remove_leftovers(const fs::path& folder) {
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') || name.find(kTemporary) == name.npos) continue;
    std::error_code error;
    const auto touched = entry.last_write_time(error);
    const bool old = !error && touched < fs::file_time_type::clock::now() - std::chrono::hours(24);
    if (old || is_of_ended_process(name)) fs::remove_all(entry.path(), error);
  }
}

std::string sha256(std::string_view content) {
  unsigned char digest[32];
  EVP_Digest(content.data(), content.size(), digest, nullptr, EVP_sha256(), nullptr);
  return hexadecimal(digest);
}

std::string sha256_of_file(const fs::path& path) { return sha256(MappedFile(path).text()); }

FileLock::FileLock(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail(path, "create");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) {
    // The holder's number is for the message below only; the lock is the kernel's.
    const std::string holder = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor_, 0) == 0 && ::pwrite(descriptor_, holder.data(), holder.size(), 0) > 0) return;
    const int error = errno;
    ::close(descriptor_);
    errno = error;
    fail(path, "write");
  }
  const bool held = errno == EWOULDBLOCK;
  const int error = errno;
  ::close(descriptor_);
  errno = error;
  if (!held) fail(path, "lock");
  std::string holder;
  std::ifstream(path) >> holder;
  throw FileError(path, "is locked by process " + (holder.empty() ? std::string("(unknown)") : holder));
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace quorate
