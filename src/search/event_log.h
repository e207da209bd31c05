// study.db: what the study was made with, its events in order, and which checkpoints there are.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "search/database.h"
#include "search/ledger.h"

namespace quorate {

class EventLog {
 public:
  // Makes the database whole, or not at all.
  static void create(const std::filesystem::path& path, const Space& space, const HyperbandOptions& options);

  // Throws FileError, having changed nothing, for a file that create() did not make or that is truncated or malformed.
  explicit EventLog(const std::filesystem::path& path);

  Space space();
  HyperbandOptions options();

  // Every event in order. An exception of `read` is a FileError that names the event.
  void replay(const std::function<void(const Event& event)>& read);

  // From now on the file may be written.
  void trust() { database_.trust(); }

  // On record when it returns, "process" durability.
  void append(const Event& event);

  struct Checkpoint {
    std::int64_t resource = 0;
    std::string sha256;
  };
  std::vector<Checkpoint> checkpoints(std::int64_t trial);  // newest, that is of the highest resource, first
  void add_checkpoint(std::int64_t trial, const Checkpoint& checkpoint);
  void remove_checkpoint(std::int64_t trial, std::int64_t resource);

 private:
  std::string about(const std::string& key);

  Database database_;
  std::unique_ptr<Statement> append_;
};

}  // namespace quorate
