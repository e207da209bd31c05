// What an engine and the process of a model say to each other: notes over a socket, arrays in shared memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace quorate {

// The socket and the memory that a worker is started with.
inline constexpr int kWorkerSocket = 3;
inline constexpr int kWorkerMemory = 4;

enum class NoteKind : std::int32_t { kLoad, kRun, kDone, kThrew, kOutOfMemory, kDeviceLost };

struct Note {
  NoteKind kind = NoteKind::kDone;
  std::vector<std::int64_t> shape = {};  // of the array in the memory, at most 16 sizes
  std::uint64_t begin = 0;               // where it begins, in bytes
  std::string words = {};
};

enum class Heard { kNote, kNothing, kGone };

// False where nobody is at the other end.
bool send_note(int socket, const Note& note);

// Waits for at most `timeout_s` (infinity: as long as it takes) for a note to begin.
Heard receive_note(int socket, double timeout_s, Note& note);

// A file in memory that both ends map. Each end maps as much as it was last asked to.
class SharedMemory {
 public:
  explicit SharedMemory(int descriptor) : descriptor_(descriptor) {}  // takes it over
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // At least so many bytes of it, the file grown where it is smaller. What was mapped before is no longer valid. Throws
  // std::bad_alloc.
  char* map(std::size_t bytes);
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace quorate
