#include "core/json.h"

#include <cmath>
#include <limits>

#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

std::string child(const std::string& path, const std::string& key) { return path.empty() ? key : path + "." + key; }

std::string shortened(std::string text) {
  constexpr std::size_t kLongest = 80;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace

Json parse_json(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw FileError(name, "is not valid JSON at byte " + std::to_string(error.byte) + " of " + std::to_string(text.size()));
  } catch (const Json::out_of_range&) {
    throw FileError(name, "holds a number that is too large for 64 bits");
  }
}

void JsonField::fail(const std::string& must_be) const {
  throw FileError(document_, (path_.empty() ? "the document" : path_) + " is " + shortened(value_->dump(-1, ' ', true)) +
                                 ", but must be " + must_be);
}

JsonField JsonField::operator[](const std::string& key) const {
  if (!value_->is_object()) fail("an object");
  const auto found = value_->find(key);
  if (found == value_->end()) throw FileError(document_, child(path_, key) + " is missing");
  return {*found, document_, child(path_, key)};
}

JsonField JsonField::operator[](std::size_t index) const {
  if (index >= size()) fail("an array of at least " + std::to_string(index + 1) + " entries");
  return {(*value_)[index], document_, path_ + "[" + std::to_string(index) + "]"};
}

bool JsonField::has(const std::string& key) const { return value_->is_object() && value_->contains(key); }

std::size_t JsonField::size() const {
  if (!value_->is_array()) fail("an array");
  return value_->size();
}

double JsonField::number() const {
  if (value_->is_number()) return value_->get<double>();
  if (value_->is_string()) {
    const auto& text = value_->get_ref<const std::string&>();
    if (text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
    if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  }
  fail("a number");
}

double JsonField::number(double low, double high) const {
  const double value = number();
  if (!(value >= low && value <= high)) fail(message("a number from ", low, " to ", high));
  return value;
}

std::int64_t JsonField::integer() const {
  const bool too_large =
      value_->is_number_unsigned() && value_->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  if (!value_->is_number_integer() || too_large) fail("an integer of 64 bits");
  return value_->get<std::int64_t>();
}

bool JsonField::boolean() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

std::string JsonField::text() const {
  if (!value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

std::vector<double> JsonField::numbers() const {
  std::vector<double> result;
  for (std::size_t i = 0; i < size(); ++i) result.push_back((*this)[i].number());
  return result;
}

std::vector<std::int64_t> JsonField::integers() const {
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < size(); ++i) result.push_back((*this)[i].integer());
  return result;
}

std::vector<std::string> JsonField::texts() const {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < size(); ++i) result.push_back((*this)[i].text());
  return result;
}

std::map<std::string, double> JsonField::number_map() const {
  if (!value_->is_object()) fail("an object");
  std::map<std::string, double> result;
  for (const auto& [key, value] : value_->items()) result[key] = (*this)[key].number();
  return result;
}

Json json_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json json_document(const std::string& format, int version) { return {{"format", format}, {"version", version}}; }

JsonField open_json_document(const Json& document, const std::string& name, const std::string& format, int version) {
  JsonField root(document, name);
  if (root["format"].text() != format) root["format"].fail("\"" + format + "\"");
  const std::int64_t found = root["version"].integer();
  if (found < 1 || found > version)
    root["version"].fail("from 1 to " + std::to_string(version) + ", the last that this build reads");
  return root;
}

}  // namespace quorate
