// A logarithm that gives the same bits for one number as for a vector of them, and on every machine; the C library's does
// neither.
#pragma once

namespace quorate {

// Of a normal number above 0, within 3 units in the last place, or 2e-7 where that is more.
float log_of(float x);

}  // namespace quorate
