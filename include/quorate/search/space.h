// What a search may choose: named parameters and how each is drawn.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "quorate/core/random.h"

namespace quorate {

using Value = std::variant<bool, std::int64_t, double, std::string>;

// Uniform in [low, high); with `log` the logarithm is uniform.
struct Float {
  double low = 0.0;
  double high = 1.0;
  bool log = false;

  bool operator==(const Float&) const = default;
};

// Uniform over the integers low..high, both included. With `log` the logarithm of a real number in [low - 1/2, high + 1/2)
// is uniform and the number is rounded, so that both ends have their fair share.
struct Int {
  std::int64_t low = 0;
  std::int64_t high = 1;
  bool log = false;

  bool operator==(const Int&) const = default;
};

// Each choice is equally likely.
struct Categorical {
  std::vector<Value> choices;

  bool operator==(const Categorical&) const = default;
};

using Parameter = std::variant<Float, Int, Categorical>;

// One value for each parameter, in the space's order.
struct Config {
  std::vector<std::pair<std::string, Value>> values;

  // Throws std::invalid_argument where there is no such parameter.
  const Value& operator[](std::string_view name) const;
  // The value as T, e.g. config.get<double>("lr"); throws std::invalid_argument where it is of another type.
  template <class T>
  const T& get(std::string_view name) const;

  bool operator==(const Config&) const = default;
};

// Named parameters in a fixed order, checked once.
class Space {
 public:
  // Throws std::invalid_argument naming the parameter, its value and what it must be: no parameter, an empty or repeated
  // name, low >= high (Int: low > high), bounds that are not finite, `log` with low <= 0, no choices or one twice, a choice
  // that is not finite.
  explicit Space(std::vector<std::pair<std::string, Parameter>> parameters);

  const std::vector<std::pair<std::string, Parameter>>& parameters() const { return parameters_; }

  // One draw for each parameter, in order.
  Config sample(Random& random) const;

  // The configuration at a point of the unit cube [0, 1)^parameters: each coordinate is the uniform number that the
  // parameter's value is made of, so evenly spread points give evenly spread values. An Int's range and the choices are cut
  // into equal parts, the lowest first. Throws std::invalid_argument for another number of coordinates and for one outside
  // [0, 1).
  Config at(std::span<const double> point) const;

  // Throws std::invalid_argument unless the configuration has exactly these parameters, in this order, each of its type and
  // in its range (both ends allowed).
  void check(const Config& config) const;

  bool operator==(const Space&) const = default;

 private:
  std::vector<std::pair<std::string, Parameter>> parameters_;
};

// "Float(0.0001, 0.1, log=True)", "Categorical(\"relu\", \"gelu\")".
std::string to_text(const Parameter& parameter);

// {"format": "quorate.space", "version": 1, "parameters": [{"name": "lr", "type": "float", "low": ..., ...}, ...]}, and
// back.
std::string to_json(const Space& space);
Space space_from_json(std::string_view text, const std::string& name = "space");

// {"lr": 0.01, "act": "relu"}, in order, and back; a value that the space does not allow is a FileError.
std::string to_json(const Config& config);
Config config_from_json(std::string_view text, const Space& space, const std::string& name = "config");

[[noreturn]] void throw_wrong_type(std::string_view name);

template <class T>
const T& Config::get(std::string_view name) const {
  const T* value = std::get_if<T>(&(*this)[name]);
  if (value == nullptr) throw_wrong_type(name);
  return *value;
}

}  // namespace quorate
