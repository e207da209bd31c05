#include "route/natural_log.h"

#include <cstdint>

namespace quorate {
namespace {

using Real = float;
using Bits = std::uint32_t;
inline float entries(const float* table, std::uint32_t place) { return table[place]; }
#include "route/natural_log.inc"

}  // namespace

float log_of(float x) { return natural_log(x); }

}  // namespace quorate
