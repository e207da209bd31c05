#include "search/acknowledged.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate {
namespace {

constexpr std::size_t kLine = 80;

std::string system_words() { return std::generic_category().message(errno); }

// Another one after each start of the machine; empty where the system does not tell.
std::string boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

// What is required according to the line: "<events> <durability> <boot>".
std::int64_t events_in(const char* line) {
  long long events = 0;
  std::array<char, 16> durability{};
  std::array<char, 48> at{};
  if (std::sscanf(line, "%20lld %15s %47s", &events, durability.data(), at.data()) != 3) return 0;
  const bool same_boot = !boot().empty() && boot() == at.data();
  return durability.data() == std::string("power") || same_boot ? events : 0;
}

}  // namespace

Acknowledged::Acknowledged(const std::filesystem::path& path, Durability durability) : path_(path), durability_(durability) {
  if (std::filesystem::exists(path)) required_ = events_in(read_file(path).c_str());
}

Acknowledged::~Acknowledged() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Acknowledged::write(std::int64_t events) {
  if (descriptor_ < 0) descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw FileError(path_, "cannot be opened: " + system_words());
  static const std::string at = boot();
  std::array<char, kLine + 1> line{};
  std::snprintf(line.data(), line.size(), "%020lld %-7s %-48.48s", static_cast<long long>(events),
                to_text(durability_).data(), at.empty() ? "unknown" : at.c_str());
  line[kLine - 1] = '\n';
  if (::pwrite(descriptor_, line.data(), kLine, 0) != static_cast<ssize_t>(kLine))
    throw FileError(path_, "cannot be written: " + system_words());
}

}  // namespace quorate
