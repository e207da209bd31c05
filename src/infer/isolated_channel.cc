#include "infer/isolated_channel.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <new>

namespace quorate {
namespace {

struct Header {
  NoteKind kind;
  std::uint32_t sizes;
  std::array<std::int64_t, 16> shape;
  std::uint64_t begin;
  std::uint64_t words;
};

bool send_all(int socket, const char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = ::send(socket, data, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, char* data, std::size_t bytes) {
  while (bytes > 0) {
    const ssize_t got = ::recv(socket, data, bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    data += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

// True where there is something to read, or the other end is gone.
bool wait_for(int socket, double timeout_s) {
  using Clock = std::chrono::steady_clock;
  constexpr double kMost_s = 1e6;  // that poll() can be asked for, about
  const auto end = Clock::now() + std::chrono::duration<double>(std::min(timeout_s, kMost_s));
  for (;;) {
    const double left_s = std::chrono::duration<double>(end - Clock::now()).count();
    pollfd descriptor{socket, POLLIN, 0};
    const int ready = ::poll(&descriptor, 1, std::max(0, static_cast<int>(std::ceil(1e3 * left_s))));
    if (ready > 0) return true;
    if (ready == 0 && left_s <= 0.0) return false;
  }
}

}  // namespace

bool send_note(int socket, const Note& note) {
  Header header{note.kind, static_cast<std::uint32_t>(note.shape.size()), {}, note.begin, note.words.size()};
  std::ranges::copy(note.shape, header.shape.begin());
  std::string bytes(sizeof header, '\0');
  std::memcpy(bytes.data(), &header, sizeof header);
  bytes += note.words;
  return send_all(socket, bytes.data(), bytes.size());
}

Heard receive_note(int socket, double timeout_s, Note& note) {
  if (!wait_for(socket, timeout_s)) return Heard::kNothing;
  Header header;
  if (!receive_all(socket, reinterpret_cast<char*>(&header), sizeof header)) return Heard::kGone;
  note.kind = header.kind;
  note.shape.assign(header.shape.begin(), header.shape.begin() + std::min<std::ptrdiff_t>(header.sizes, 16));
  note.begin = header.begin;
  note.words.resize(header.words);
  return receive_all(socket, note.words.data(), note.words.size()) ? Heard::kNote : Heard::kGone;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
  ::close(descriptor_);
}

char* SharedMemory::map(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  struct stat status;
  if (::fstat(descriptor_, &status) != 0) throw std::bad_alloc();
  if (static_cast<std::size_t>(status.st_size) < bytes && ::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0)
    throw std::bad_alloc();
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (data == MAP_FAILED) throw std::bad_alloc();
  if (data_ != nullptr) ::munmap(data_, bytes_);
  data_ = static_cast<char*>(data);
  bytes_ = bytes;
  return data_;
}

}  // namespace quorate
