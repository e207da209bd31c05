#include "quorate/core/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

}  // namespace
}  // namespace quorate
