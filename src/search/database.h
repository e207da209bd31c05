// SQLite, with its errors as FileErrors and its handles closed by their scope.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace quorate {

// One connection, to be used by one thread at a time.
class Database {
 public:
  enum class Open { kCreate, kExisting };

  // Writes nothing to an existing file, nor when closing it, before trust() was called.
  Database(const std::filesystem::path& path, Open how);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void trust();
  void execute(const std::string& sql);
  void roll_back();  // the transaction that is open, if one is
  // Makes the write-ahead log a file of at least so many bytes, zeros behind what it holds, so that a sync of what is
  // appended need not record a new file size as well, which takes most of its time. Where there is no room it stays as it
  // is.
  void reserve_log(std::int64_t bytes);
  std::int64_t integer(const std::string& sql);  // the first column of the first row
  sqlite3* get() const { return handle_; }
  const std::filesystem::path& path() const { return path_; }
  [[noreturn]] void fail() const;

 private:
  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
};

// A prepared statement. Parameters and columns count from 0.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, double value);  // NaN as NULL: SQLite has none
  Statement& bind(int parameter, std::string_view value);
  Statement& bind_null(int parameter);

  bool step();  // true: there is a row to read
  void run();   // to the end, and ready for the next binding

  std::int64_t integer(int column) const;
  double number(int column) const;  // NULL is NaN
  std::string text(int column) const;
  bool null(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

}  // namespace quorate
