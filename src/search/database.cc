#include "search/database.h"

#include <sqlite3.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quorate/core/error.h"

namespace quorate {

Database::Database(const std::filesystem::path& path, Open how) : path_(path) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (how == Open::kCreate ? SQLITE_OPEN_CREATE : 0);
  if (sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr) != SQLITE_OK) {
    const std::string words = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close_v2(handle_);
    throw FileError(path, "cannot be opened: " + words);
  }
  sqlite3_busy_timeout(handle_, 10'000);  // somebody else may be reading it
  if (how == Open::kExisting) sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::trust() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }

void Database::fail() const {
  const int code = sqlite3_errcode(handle_);
  const bool malformed = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  throw FileError(path_,
                  (malformed ? "is truncated or malformed: " : "cannot be used: ") + std::string(sqlite3_errmsg(handle_)));
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void Database::roll_back() {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::reserve_log(std::int64_t bytes) {
  execute("BEGIN IMMEDIATE");  // opens the log, and nobody else writes to it
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (file != nullptr && file->pMethods != nullptr && file->pMethods->xFileSize(file, &size) == SQLITE_OK && size < bytes) {
    // To SQLite a log ends before a frame of page 0, as there is none. It writes less than 128 KiB at once.
    const std::vector<char> zeros(std::size_t{1} << 16);
    int code = SQLITE_OK;
    for (sqlite3_int64 at = size; at < bytes && code == SQLITE_OK; at += static_cast<sqlite3_int64>(zeros.size()))
      code = file->pMethods->xWrite(file, zeros.data(), static_cast<int>(zeros.size()), at);
    if (code == SQLITE_OK) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (code != SQLITE_OK) file->pMethods->xTruncate(file, size);
  }
  roll_back();
}

std::int64_t Database::integer(const std::string& sql) {
  Statement statement(*this, sql);
  statement.step();
  return statement.integer(0);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  if (sqlite3_prepare_v2(database.get(), sql.data(), static_cast<int>(sql.size()), &handle_, nullptr) != SQLITE_OK)
    database.fail();
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  if (sqlite3_bind_int64(handle_, parameter + 1, value) != SQLITE_OK) database_.fail();
  return *this;
}

Statement& Statement::bind(int parameter, double value) {
  const int code =
      std::isnan(value) ? sqlite3_bind_null(handle_, parameter + 1) : sqlite3_bind_double(handle_, parameter + 1, value);
  if (code != SQLITE_OK) database_.fail();
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view value) {
  if (sqlite3_bind_text64(handle_, parameter + 1, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    database_.fail();
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  if (sqlite3_bind_null(handle_, parameter + 1) != SQLITE_OK) database_.fail();
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  // Reset first: it gives the connection the step's own error and leaves the statement usable.
  sqlite3_reset(handle_);
  database_.fail();
}

void Statement::run() {
  while (step()) {
  }
  sqlite3_reset(handle_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

double Statement::number(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(handle_, column);
}

bool Statement::null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return data == nullptr ? std::string()
                         : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
}

}  // namespace quorate
