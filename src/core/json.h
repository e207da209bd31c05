// Reading JSON that a person may have edited: every error names the file, the field, its value and what it must be. Private:
// public headers show text, never a JSON type.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace quorate {

using Json = nlohmann::json;

// Parses a whole document. `name` is what errors call it: a path, or "cascade". Throws FileError.
Json parse_json(std::string_view text, const std::string& name);

// A field of an object with its path, so that errors read "cascade.json: tiers[0].threshold is \"x\", but must be a number".
class JsonField {
 public:
  JsonField(const Json& value, std::string document, std::string path = "")
      : value_(&value), document_(std::move(document)), path_(std::move(path)) {}

  JsonField operator[](const std::string& key) const;  // FileError unless this is an object that has the key
  JsonField operator[](std::size_t index) const;       // FileError unless this is an array that is long enough
  bool has(const std::string& key) const;
  std::size_t size() const;  // of an array; FileError where it is none

  // FileError unless the value has the type asked for.
  double number() const;                         // also "inf", "-inf" and "nan", which JSON has no number for
  double number(double low, double high) const;  // in [low, high]
  std::int64_t integer() const;
  bool boolean() const;
  std::string text() const;
  std::vector<double> numbers() const;
  std::vector<std::int64_t> integers() const;
  std::vector<std::string> texts() const;
  std::map<std::string, double> number_map() const;

  const Json& json() const { return *value_; }
  [[noreturn]] void fail(const std::string& must_be) const;  // "<document>: <path> is <value>, but must be <must_be>"

 private:
  const Json* value_;
  std::string document_;
  std::string path_;
};

// A number as JSON that JsonField::number reads back: itself where finite, else a string.
Json json_number(double value);

// "quorate" and a version head every document that the library writes: {"format": "quorate.cascade", "version": 1, ...}.
// Throws FileError where the document is of another format or a later version.
Json json_document(const std::string& format, int version);
JsonField open_json_document(const Json& document, const std::string& name, const std::string& format, int version);

}  // namespace quorate
