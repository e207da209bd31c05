#include "library/addition.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "core/system_error.h"

namespace quorate {

// The folder itself is locked, so that what is refused leaves no file behind.
Addition::Addition(const std::filesystem::path& folder)
    : path_(folder / "additions"), lock_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (lock_ < 0) fail(folder, "open");
  int held = -1;
  do held = ::flock(lock_, LOCK_EX);
  while (held != 0 && errno == EINTR);
  if (held != 0) return;
  before_ = 0;
  std::ifstream(path_) >> *before_;
}

Addition::~Addition() { ::close(lock_); }

void Addition::count() {
  if (!before_) return;
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) fail(path_, "create");
  char line[24] = {};
  const int size = std::snprintf(line, sizeof line, "%020" PRIu64 "\n", *before_ + 1);
  const bool written = ::pwrite(file, line, static_cast<std::size_t>(size), 0) == size;
  const int error = errno;
  ::close(file);
  errno = error;
  if (!written) fail(path_, "write");
}

}  // namespace quorate
