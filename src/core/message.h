// Error messages in one expression: require(n > 0, "n is ", n, ", but must be at least 1").
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace quorate {

template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws std::invalid_argument unless `holds`. The parts are formatted only then.
template <class... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) throw std::invalid_argument(message(parts...));
}

// "a, b, c", for messages that list what is allowed.
template <class Range>
std::string joined(const Range& items, std::string_view separator = ", ") {
  std::ostringstream out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out << separator;
    out << item;
    first = false;
  }
  return out.str();
}

}  // namespace quorate
