#include "quorate/search/space.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson as_json(const Value& value) {
  return std::visit([](const auto& v) { return OrderedJson(v); }, value);
}

// A number as short as it can be while it still reads back the same.
std::string text_of(const Value& value) { return as_json(value).dump(); }

void check_parameter(const std::string& name, const Float& p) {
  const std::string where = "space[\"" + name + "\"]";
  require(std::isfinite(p.low), where, ".low is ", p.low, ", but must be finite");
  require(std::isfinite(p.high), where, ".high is ", p.high, ", but must be finite");
  require(p.low < p.high, where, ".low is ", p.low, ", but must be below high, ", p.high);
  require(!p.log || p.low > 0.0, where, ".low is ", p.low, ", but must be above 0 where log is set");
}

void check_parameter(const std::string& name, const Int& p) {
  const std::string where = "space[\"" + name + "\"]";
  require(p.low <= p.high, where, ".low is ", p.low, ", but must be at most high, ", p.high);
  require(!p.log || p.low > 0, where, ".low is ", p.low, ", but must be above 0 where log is set");
}

void check_parameter(const std::string& name, const Categorical& p) {
  const std::string where = "space[\"" + name + "\"].choices";
  require(!p.choices.empty(), where, " is empty, but must hold at least one choice");
  for (std::size_t i = 0; i < p.choices.size(); ++i) {
    const double* number = std::get_if<double>(&p.choices[i]);
    require(number == nullptr || std::isfinite(*number), where, "[", i, "] is ", number ? *number : 0.0,
            ", but must be finite");
    require(std::find(p.choices.begin(), p.choices.begin() + static_cast<std::ptrdiff_t>(i), p.choices[i]) ==
                p.choices.begin() + static_cast<std::ptrdiff_t>(i),
            where, " holds ", text_of(p.choices[i]), " twice, but choices must differ");
  }
}

// The value at u in [0, 1).
Value value_at(const Float& p, double u) {
  const double value = p.log ? std::exp(std::log(p.low) + u * (std::log(p.high) - std::log(p.low)))
                             : p.low * (1.0 - u) + p.high * u;  // no overflow of high - low
  return std::clamp(value, p.low, p.high);
}

// floor(u * count), for a u with 53 digits exactly; count 0 stands for 2^64.
std::uint64_t part_at(std::uint64_t count, double u) {
  __extension__ using Wide = unsigned __int128;
  const Wide parts = count == 0 ? Wide{1} << 64 : Wide{count};
  return static_cast<std::uint64_t>(parts * static_cast<std::uint64_t>(u * 0x1p53) >> 53);
}

// How many values the range has, 0 for 2^64. Unsigned, so that the widest range does not overflow.
std::uint64_t count_of(const Int& p) { return static_cast<std::uint64_t>(p.high) - static_cast<std::uint64_t>(p.low) + 1; }

Value offset_from_low(const Int& p, std::uint64_t offset) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(p.low) + offset);
}

Value value_at(const Int& p, double u) {
  if (!p.log) return offset_from_low(p, part_at(count_of(p), u));
  const double low = std::log(static_cast<double>(p.low) - 0.5);
  const double high = std::log(static_cast<double>(p.high) + 0.5);
  const double value = std::exp(low + u * (high - low));
  // Compared as double first: a double near 2^63 need not fit.
  if (value >= static_cast<double>(p.high)) return p.high;
  return std::clamp(static_cast<std::int64_t>(std::llround(value)), p.low, p.high);
}

Value value_at(const Categorical& p, double u) { return p.choices[part_at(p.choices.size(), u)]; }

Value draw(const Float& p, Random& random) { return value_at(p, random.uniform()); }

Value draw(const Int& p, Random& random) {
  if (p.log) return value_at(p, random.uniform());
  const std::uint64_t count = count_of(p);
  return offset_from_low(p, count == 0 ? random.next() : random.below(count));
}

Value draw(const Categorical& p, Random& random) { return p.choices[random.below(p.choices.size())]; }

bool allows(const Float& p, const Value& value) {
  const double* number = std::get_if<double>(&value);
  return number != nullptr && p.low <= *number && *number <= p.high;
}

bool allows(const Int& p, const Value& value) {
  const std::int64_t* number = std::get_if<std::int64_t>(&value);
  return number != nullptr && p.low <= *number && *number <= p.high;
}

bool allows(const Categorical& p, const Value& value) {
  return std::find(p.choices.begin(), p.choices.end(), value) != p.choices.end();
}

std::string text_of_parameter(const Float& p) {
  return "Float(" + text_of(p.low) + ", " + text_of(p.high) + (p.log ? ", log=True)" : ")");
}

std::string text_of_parameter(const Int& p) {
  return "Int(" + text_of(p.low) + ", " + text_of(p.high) + (p.log ? ", log=True)" : ")");
}

std::string text_of_parameter(const Categorical& p) {
  std::vector<std::string> choices;
  for (const Value& choice : p.choices) choices.push_back(text_of(choice));
  return "Categorical([" + joined(choices) + "])";
}

Json parameter_json(const Float& p) { return {{"type", "float"}, {"low", p.low}, {"high", p.high}, {"log", p.log}}; }
Json parameter_json(const Int& p) { return {{"type", "int"}, {"low", p.low}, {"high", p.high}, {"log", p.log}}; }
Json parameter_json(const Categorical& p) {
  Json choices = Json::array();
  for (const Value& choice : p.choices) choices.push_back(std::visit([](const auto& v) { return Json(v); }, choice));
  return {{"type", "categorical"}, {"choices", choices}};
}

Value value_from(const JsonField& field) {
  const Json& json = field.json();
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return field.integer();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  field.fail("true, false, a number or a string");
}

Parameter parameter_from(const JsonField& field) {
  const std::string type = field["type"].text();
  if (type == "float") return Float{field["low"].number(), field["high"].number(), field["log"].boolean()};
  if (type == "int") return Int{field["low"].integer(), field["high"].integer(), field["log"].boolean()};
  if (type != "categorical") field["type"].fail("\"float\", \"int\" or \"categorical\"");
  Categorical result;
  for (std::size_t i = 0; i < field["choices"].size(); ++i) result.choices.push_back(value_from(field["choices"][i]));
  return result;
}

}  // namespace

void throw_wrong_type(std::string_view name) {
  throw std::invalid_argument(message("config[\"", name, "\"] is of another type than the one asked for"));
}

const Value& Config::operator[](std::string_view name) const {
  for (const auto& [key, value] : values)
    if (key == name) return value;
  throw std::invalid_argument(message("config has no parameter \"", name, "\""));
}

Space::Space(std::vector<std::pair<std::string, Parameter>> parameters) : parameters_(std::move(parameters)) {
  require(!parameters_.empty(), "space is empty, but must have at least one parameter");
  std::set<std::string> seen;
  for (const auto& [name, parameter] : parameters_) {
    require(!name.empty(), "space has a parameter named \"\", but names must not be empty");
    require(seen.insert(name).second, "space has two parameters named \"", name, "\", but names must differ");
    std::visit([&name = name](const auto& p) { check_parameter(name, p); }, parameter);
  }
}

Config Space::sample(Random& random) const {
  Config config;
  config.values.reserve(parameters_.size());
  for (const auto& [name, parameter] : parameters_)
    config.values.emplace_back(name, std::visit([&](const auto& p) { return draw(p, random); }, parameter));
  return config;
}

Config Space::at(std::span<const double> point) const {
  require(point.size() == parameters_.size(), "point has ", point.size(), " coordinates, but must have ", parameters_.size(),
          ", one for each parameter");
  Config config;
  config.values.reserve(parameters_.size());
  for (std::size_t i = 0; i < point.size(); ++i) {
    const auto& [name, parameter] = parameters_[i];
    const double u = point[i];
    require(u >= 0.0 && u < 1.0, "point[", i, "] is ", u, ", but must be at least 0 and below 1");
    config.values.emplace_back(name, std::visit([u](const auto& p) { return value_at(p, u); }, parameter));
  }
  return config;
}

void Space::check(const Config& config) const {
  require(config.values.size() == parameters_.size(), "config has ", config.values.size(), " parameters, but must have ",
          parameters_.size(), ", as the space does");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, parameter] = parameters_[i];
    const auto& [key, value] = config.values[i];
    require(key == name, "config's parameter ", i, " is \"", key, "\", but must be \"", name, "\", as in the space");
    const bool allowed = std::visit([&value = value](const auto& p) { return allows(p, value); }, parameter);
    if (!allowed)  // the texts take ten times as long as the check
      require(false, "config[\"", name, "\"] is ", text_of(value), ", but must be a value of ", to_text(parameter));
  }
}

std::string to_text(const Parameter& parameter) {
  return std::visit([](const auto& p) { return text_of_parameter(p); }, parameter);
}

std::string to_json(const Space& space) {
  Json document = json_document("quorate.space", 1);
  document["parameters"] = Json::array();
  for (const auto& [name, parameter] : space.parameters()) {
    Json json = std::visit([](const auto& p) { return parameter_json(p); }, parameter);
    json["name"] = name;
    document["parameters"].push_back(std::move(json));
  }
  return document.dump(2) + "\n";
}

Space space_from_json(std::string_view text, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField fields = open_json_document(document, name, "quorate.space", 1)["parameters"];
  std::vector<std::pair<std::string, Parameter>> parameters;
  for (std::size_t i = 0; i < fields.size(); ++i)
    parameters.emplace_back(fields[i]["name"].text(), parameter_from(fields[i]));
  try {
    return Space(std::move(parameters));
  } catch (const std::invalid_argument& error) {
    throw FileError(name, error.what());
  }
}

std::string to_json(const Config& config) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [name, value] : config.values) object[name] = as_json(value);
  return object.dump();
}

Config config_from_json(std::string_view text, const Space& space, const std::string& name) {
  const Json document = parse_json(text, name);
  const JsonField root(document, name);
  Config config;
  for (const auto& [key, parameter] : space.parameters()) config.values.emplace_back(key, value_from(root[key]));
  if (document.size() != config.values.size()) root.fail("of the space's parameters and no others");
  try {
    space.check(config);
  } catch (const std::invalid_argument& error) {
    throw FileError(name, error.what());
  }
  return config;
}

}  // namespace quorate
