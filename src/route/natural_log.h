// A logarithm that gives the same bits for one number as for a vector of them, and on every machine; the C library's does
// neither.
#pragma once

#include <cstdint>

namespace quorate {

// Of a normal number above 0, within 1 unit in the last place.
double log_of(double x);

}  // namespace quorate
