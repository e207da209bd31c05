#include "search/event_log.h"

#include <algorithm>
#include <array>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

constexpr int kApplication = 0x71756f72;  // "quor"
constexpr int kVersion = 1;

constexpr std::array<std::string_view, 6> kKinds = {"start", "report", "done", "failed", "gave_up", "note"};

constexpr const char* kTables =
    "CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trial INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " resource INTEGER NOT NULL, loss REAL, text TEXT NOT NULL);"
    "CREATE TABLE checkpoint(trial INTEGER NOT NULL, resource INTEGER NOT NULL, sha256 TEXT NOT NULL,"
    " PRIMARY KEY(trial, resource)) WITHOUT ROWID;";

std::string to_json(const HyperbandOptions& options) {
  return Json{{"min_resource", options.min_resource},
              {"max_resource", options.max_resource},
              {"eta", options.eta},
              {"mode", options.mode == Mode::kPromote ? "promote" : "stop"},
              {"seed", std::to_string(options.seed)}}  // as text: JSON readers round what is above 2^53
      .dump();
}

HyperbandOptions options_from_json(const std::string& text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField root(document, name);
  HyperbandOptions options;
  options.min_resource = root["min_resource"].integer();
  options.max_resource = root["max_resource"].integer();
  options.eta = root["eta"].number();
  const std::string mode = root["mode"].text();
  if (mode != "promote" && mode != "stop") root["mode"].fail("\"promote\" or \"stop\"");
  options.mode = mode == "promote" ? Mode::kPromote : Mode::kStop;
  options.seed = std::stoull(root["seed"].text());
  return options;
}

void check_whole(const fs::path& path, Database& database) {
  // To SQLite an empty file is an empty database, and the missing end of a page is zeros.
  const auto bytes = static_cast<std::int64_t>(fs::file_size(path));
  if (bytes == 0) throw FileError(path, "is truncated: it is empty");
  if (bytes % database.integer("PRAGMA page_size") != 0)
    throw FileError(path, message("is truncated or malformed: ", bytes, " bytes are not whole pages"));
  if (database.integer("PRAGMA application_id") != kApplication) throw FileError(path, "is not the database of a study");
  const std::int64_t version = database.integer("PRAGMA user_version");
  if (version < 1 || version > kVersion)
    throw FileError(path, message("is of version ", version, ", but this build reads versions 1 to ", kVersion));
}

}  // namespace

void EventLog::create(const fs::path& path, const Space& space, const HyperbandOptions& options) {
  fs::path wal = path;
  wal += "-wal";
  if (fs::exists(wal))
    throw FileError(path, "is missing, but " + wal.filename().string() + " is there, which belongs to it");

  fs::path temporary = path;
  temporary += ".new";
  std::error_code none;
  fs::remove(temporary, none);
  {
    Database database(temporary, Database::Open::kCreate);
    // The mode is kept in the file; synchronous=FULL here, so that it is on the disk before it gets its name.
    database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN;");
    database.execute(kTables);
    database.execute(message("PRAGMA application_id=", kApplication, "; PRAGMA user_version=", kVersion, ";"));
    Statement insert(database, "INSERT INTO about VALUES (?, ?)");
    insert.bind(0, "space").bind(1, to_json(space)).run();
    insert.bind(0, "hyperband").bind(1, to_json(options)).run();
    database.execute("COMMIT");
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw FileError(path, "cannot be created: " + error.message());
}

EventLog::EventLog(const fs::path& path) : database_(path, Database::Open::kExisting) {
  check_whole(path, database_);
  database_.execute("PRAGMA synchronous=NORMAL");
  append_ = std::make_unique<Statement>(
      database_, "INSERT INTO event(kind, trial, attempt, resource, loss, text) VALUES (?, ?, ?, ?, ?, ?)");
}

std::string EventLog::about(const std::string& key) {
  Statement select(database_, "SELECT value FROM about WHERE key = ?");
  if (!select.bind(0, key).step()) throw FileError(database_.path(), "says nothing about its " + key);
  return select.text(0);
}

Space EventLog::space() { return space_from_json(about("space"), database_.path().string() + ": space"); }

HyperbandOptions EventLog::options() {
  return options_from_json(about("hyperband"), database_.path().string() + ": hyperband");
}

void EventLog::replay(const std::function<void(const Event&)>& read) {
  Statement select(database_, "SELECT id, kind, trial, attempt, resource, loss, text FROM event ORDER BY id");
  for (std::int64_t next = 1; select.step(); ++next) {
    const std::string where = message("event ", next, " ");
    if (select.integer(0) != next) throw FileError(database_.path(), where + "is missing");
    const std::string kind = select.text(1);
    const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
    if (found == kKinds.end()) throw FileError(database_.path(), where + "is of an unknown kind, \"" + kind + "\"");
    try {
      read({.kind = static_cast<EventKind>(found - kKinds.begin()),
            .trial = select.integer(2),
            .attempt = static_cast<int>(select.integer(3)),
            .resource = select.integer(4),
            .loss = select.number(5),
            .text = select.text(6)});
    } catch (const std::exception& error) {
      throw FileError(database_.path(), where + "cannot have happened: " + error.what());
    }
  }
}

void EventLog::append(const Event& event) {
  append_->bind(0, kKinds[static_cast<std::size_t>(event.kind)])
      .bind(1, event.trial)
      .bind(2, static_cast<std::int64_t>(event.attempt))
      .bind(3, event.resource)
      .bind(4, event.loss)
      .bind(5, event.text)
      .run();
}

std::vector<EventLog::Checkpoint> EventLog::checkpoints(std::int64_t trial) {
  Statement select(database_, "SELECT resource, sha256 FROM checkpoint WHERE trial = ? ORDER BY resource DESC");
  select.bind(0, trial);
  std::vector<Checkpoint> result;
  while (select.step()) result.push_back({select.integer(0), select.text(1)});
  return result;
}

void EventLog::add_checkpoint(std::int64_t trial, const Checkpoint& checkpoint) {
  Statement insert(database_, "INSERT INTO checkpoint VALUES (?, ?, ?)");
  insert.bind(0, trial).bind(1, checkpoint.resource).bind(2, checkpoint.sha256).run();
}

void EventLog::remove_checkpoint(std::int64_t trial, std::int64_t resource) {
  Statement remove(database_, "DELETE FROM checkpoint WHERE trial = ? AND resource = ?");
  remove.bind(0, trial).bind(1, resource).run();
}

}  // namespace quorate
