#include "route/natural_log.h"

namespace quorate {
namespace {

using Real = double;
using Bits = std::uint64_t;
#include "route/natural_log.inc"

}  // namespace

double log_of(double x) { return natural_log(x); }

}  // namespace quorate
