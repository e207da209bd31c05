// How many events were acknowledged, kept beside the database: a database that lost its end looks whole to itself.
#pragma once

#include <cstdint>
#include <filesystem>

#include "quorate/search/study.h"

namespace quorate {

// The file study.acknowledged, one line of text that is written in place after every commit and before its acknowledgement.
// It survives the death of the process as the database does. After a power cut the line may be there and the events, with
// durability "process", may not: so that session's line counts only as long as the machine has not been started anew.
class Acknowledged {
 public:
  // Reads the file where there is one. Throws FileError.
  Acknowledged(const std::filesystem::path& path, Durability durability);
  ~Acknowledged();
  Acknowledged(const Acknowledged&) = delete;
  Acknowledged& operator=(const Acknowledged&) = delete;

  // How many events there must be: 0 where nobody can tell.
  std::int64_t required() const { return required_; }

  void write(std::int64_t events);  // makes the file where there is none; throws FileError

 private:
  std::filesystem::path path_;
  Durability durability_;
  int descriptor_ = -1;
  std::int64_t required_ = 0;
};

}  // namespace quorate
