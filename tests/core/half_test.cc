#include "quorate/core/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace quorate {
namespace {

// From the standard's definition: sign, 5 bits of exponent, 10 of fraction.
double decoded(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == 31)
    return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Half, AllValuesDecodeExactly) {
  for (int bits = 0; bits < 1 << 16; ++bits) {
    const float value = to_float(Half{static_cast<std::uint16_t>(bits)});
    const double expected = decoded(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(value, expected) << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    }
  }
}

// Every value, at every place of a vector and in what is left after whole vectors.
TEST(Half, ManyAreTheSameAsOneByOne) {
  std::vector<Half> halves;
  for (int bits = 0; bits < 1 << 16; ++bits) halves.push_back(Half{static_cast<std::uint16_t>(bits)});
  for (std::size_t skipped = 0; skipped < 40; ++skipped) {
    const std::span<const Half> part = std::span(halves).subspan(skipped, halves.size() - 2 * skipped);
    std::vector<float> floats(part.size() + 1, 7.0f);
    to_floats(part, floats.data());
    for (std::size_t i = 0; i < part.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(floats[i]), std::bit_cast<std::uint32_t>(to_float(part[i]))) << part[i].bits;
    ASSERT_EQ(floats.back(), 7.0f);
  }
  to_floats({}, nullptr);
}

}  // namespace
}  // namespace quorate
