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
constexpr int kVersion = 2;

// Somewhat above the 1,000 pages of 4,096 bytes and a header of 24 after which SQLite empties the log.
constexpr std::int64_t kReservedLog = 1064 * 4120;

constexpr std::array<std::string_view, 10> kKinds = {"start",    "report", "done",     "failed",     "gave_up",
                                                     "released", "note",   "enqueued", "checkpoint", "dropped"};

constexpr const char* kTables =
    "CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trial INTEGER NOT NULL, attempt INTEGER NOT NULL,"
    " resource INTEGER NOT NULL, loss REAL, text TEXT NOT NULL, more TEXT, request TEXT, lease_s REAL, bytes INTEGER,"
    " time_s REAL);";

// What version 1 has not.
constexpr const char* kFromVersion1 =
    "ALTER TABLE event ADD COLUMN more TEXT; ALTER TABLE event ADD COLUMN request TEXT;"
    "ALTER TABLE event ADD COLUMN lease_s REAL; ALTER TABLE event ADD COLUMN bytes INTEGER;"
    "ALTER TABLE event ADD COLUMN time_s REAL;"
    "INSERT INTO event(kind, trial, attempt, resource, loss, text)"
    " SELECT 'checkpoint', trial, 0, resource, 0.0, sha256 FROM checkpoint ORDER BY trial, resource;"
    "DROP TABLE checkpoint;";

constexpr const char* kEvents =
    "SELECT id, kind, trial, attempt, resource, loss, text, more, request, lease_s, bytes, time_s FROM event ORDER BY id";
// Its checkpoints stand in a table of their own: here they follow the events, as migration will put them.
constexpr const char* kEventsOfVersion1 =
    "SELECT id, kind, trial, attempt, resource, loss, text, NULL, NULL, NULL, NULL, NULL FROM event UNION ALL"
    " SELECT (SELECT count(*) FROM event) + row_number() OVER (ORDER BY trial, resource), 'checkpoint', trial, 0, resource,"
    " 0.0, sha256, NULL, NULL, NULL, NULL, NULL FROM checkpoint ORDER BY 1";

std::string to_json(const HyperbandOptions& options) {
  return Json{{"min_resource", options.min_resource},
              {"max_resource", options.max_resource},
              {"eta", options.eta},
              {"mode", to_text(options.mode)},
              {"brackets", options.brackets},
              {"sampling", to_text(options.sampling)},
              {"seed", std::to_string(options.seed)}}  // as text: JSON readers round what is above 2^53
      .dump();
}

HyperbandOptions options_from_json(const std::string& text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField root(document, name);
  const auto named = [&](const std::string& key, auto from) {
    try {
      return from(root[key].text());
    } catch (const std::invalid_argument& error) {
      throw FileError(name, error.what());
    }
  };
  HyperbandOptions options;
  options.min_resource = root["min_resource"].integer();
  options.max_resource = root["max_resource"].integer();
  options.eta = root["eta"].number();
  options.mode = named("mode", mode_from);
  if (root.has("brackets")) options.brackets = static_cast<int>(root["brackets"].integer());
  if (root.has("sampling")) options.sampling = named("sampling", sampling_from);
  const std::string seed = root["seed"].text();
  if (seed.empty() || seed.size() > 20 || seed.find_first_not_of("0123456789") != std::string::npos)
    root["seed"].fail("a whole number as text");
  try {
    options.seed = std::stoull(seed);
  } catch (const std::out_of_range&) {
    root["seed"].fail("below 2^64");
  }
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

std::string numbers_to_json(const std::vector<double>& numbers) {
  Json array = Json::array();
  for (const double number : numbers) array.push_back(json_number(number));
  return array.dump();
}

}  // namespace

void EventLog::create(const fs::path& path, const StudyDefinition& definition) {
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
    insert.bind(0, "space").bind(1, to_json(definition.space)).run();
    insert.bind(0, "hyperband").bind(1, to_json(definition.hyperband)).run();
    insert.bind(0, "objectives").bind(1, Json(definition.objectives).dump()).run();
    database.execute("COMMIT");
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw FileError(path, "cannot be created: " + error.message());
}

EventLog::EventLog(const fs::path& path, Durability durability)
    : database_(path, Database::Open::kExisting),
      durability_(durability),
      version_((check_whole(path, database_), database_.integer("PRAGMA user_version"))),
      definition_(read_definition()),
      acknowledged_(path.parent_path() / "study.acknowledged", durability) {}

std::string EventLog::about(const std::string& key) {
  Statement select(database_, "SELECT value FROM about WHERE key = ?");
  if (!select.bind(0, key).step()) throw FileError(database_.path(), "says nothing about its " + key);
  return select.text(0);
}

StudyDefinition EventLog::read_definition() {
  const std::string name = database_.path().string();
  StudyDefinition definition{space_from_json(about("space"), name + ": space"),
                             options_from_json(about("hyperband"), name + ": hyperband"),
                             {"loss"}};
  if (version_ > 1) {
    const Json objectives = parse_json(about("objectives"), name + ": objectives");
    definition.objectives = JsonField(objectives, name + ": objectives").texts();
  }
  definition.hyperband.objectives = static_cast<int>(definition.objectives.size());
  return definition;
}

void EventLog::replay(const std::function<void(const Event&)>& read) {
  Statement select(database_, version_ == 1 ? kEventsOfVersion1 : kEvents);
  for (events_ = 0; select.step(); ++events_) {
    const auto fail = [this](const std::string& why) {
      throw FileError(database_.path(), message("event ", events_ + 1, " ", why));
    };
    if (select.integer(0) != events_ + 1) fail("is missing");
    const std::string kind = select.text(1);
    const auto found = std::find(kKinds.begin(), kKinds.end(), kind);
    if (found == kKinds.end()) fail("is of an unknown kind, \"" + kind + "\"");
    try {
      Event event{.kind = static_cast<EventKind>(found - kKinds.begin()),
                  .trial = select.integer(2),
                  .attempt = static_cast<int>(select.integer(3)),
                  .resource = select.integer(4),
                  .loss = select.number(5),
                  .text = select.text(6),
                  .request = select.text(8),
                  .lease_s = select.null(9) ? 0.0 : select.number(9),
                  .bytes = select.integer(10),
                  .time_s = select.null(11) ? 0.0 : select.number(11)};
      if (!select.null(7)) {
        const Json more = parse_json(select.text(7), "more");
        event.more = JsonField(more, "more").numbers();
      }
      read(event);
    } catch (const std::exception& error) {
      fail(std::string("cannot have happened: ") + error.what());
    }
  }
  if (events_ < acknowledged_.required())
    throw FileError(database_.path(), message("lacks ", acknowledged_.required() - events_, " of ", acknowledged_.required(),
                                              " acknowledged events: the end of it or of its -wal file is gone"));
}

void EventLog::trust() {
  database_.trust();
  database_.execute(durability_ == Durability::kPower ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  if (durability_ == Durability::kPower) database_.reserve_log(kReservedLog);
  if (version_ < kVersion)
    database_.execute(message("BEGIN IMMEDIATE;", kFromVersion1, "PRAGMA user_version=", kVersion,
                              "; INSERT INTO about VALUES ('objectives', '[\"loss\"]'); COMMIT;"));
  version_ = kVersion;
  begin_ = std::make_unique<Statement>(database_, "BEGIN");
  insert_ = std::make_unique<Statement>(database_,
                                        "INSERT INTO event(kind, trial, attempt, resource, loss, text, more, request,"
                                        " lease_s, bytes, time_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  commit_ = std::make_unique<Statement>(database_, "COMMIT");
  acknowledged_.write(events_);
}

void EventLog::insert(Statement& statement, const Event& event) {
  statement.bind(0, kKinds[static_cast<std::size_t>(event.kind)])
      .bind(1, event.trial)
      .bind(2, static_cast<std::int64_t>(event.attempt))
      .bind(3, event.resource)
      .bind(4, event.loss)
      .bind(5, event.text)
      .bind(10, event.time_s);
  event.more.empty() ? statement.bind_null(6) : statement.bind(6, numbers_to_json(event.more));
  event.request.empty() ? statement.bind_null(7) : statement.bind(7, event.request);
  event.lease_s == 0.0 ? statement.bind_null(8) : statement.bind(8, event.lease_s);
  event.bytes == 0 ? statement.bind_null(9) : statement.bind(9, event.bytes);
  statement.run();
}

void EventLog::append(std::span<const Event> events) {
  try {
    begin_->run();
    for (const Event& event : events) insert(*insert_, event);
    commit_->run();
  } catch (const FileError&) {
    database_.roll_back();
    throw;
  }
  events_ += static_cast<std::int64_t>(events.size());
  acknowledged_.write(events_);
}

}  // namespace quorate
