// study.db: what the study was made with, and its events in order.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quorate/search/async_hyperband.h"
#include "search/acknowledged.h"
#include "search/database.h"
#include "search/event.h"

namespace quorate {

// What a study is made with and keeps.
struct StudyDefinition {
  Space space;
  HyperbandOptions hyperband;
  std::vector<std::string> objectives;
};

class EventLog {
 public:
  // Makes the database whole, or not at all.
  static void create(const std::filesystem::path& path, const StudyDefinition& definition);

  // Throws FileError, having changed nothing, for a file that create() did not make, of this version or an earlier one, or
  // that is truncated or malformed.
  EventLog(const std::filesystem::path& path, Durability durability);

  const StudyDefinition& definition() const { return definition_; }

  // Every event in order. Throws FileError for an exception of `read`, naming the event, and where acknowledged ones lack.
  void replay(const std::function<void(const Event& event)>& read);

  // After replay: from now on the file may be written. Brings one of an earlier version up to date, in one step.
  void trust();

  // On record when it returns, all or none, as durable as the log was opened for.
  void append(std::span<const Event> events);

 private:
  std::string about(const std::string& key);
  StudyDefinition read_definition();
  void insert(Statement& statement, const Event& event);

  Database database_;
  Durability durability_;
  std::int64_t version_;
  StudyDefinition definition_;
  Acknowledged acknowledged_;
  std::int64_t events_ = 0;
  std::unique_ptr<Statement> begin_, insert_, commit_;
};

}  // namespace quorate
