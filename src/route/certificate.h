// What a certificate must be, wherever it comes from.
#pragma once

#include "quorate/route/cascade.h"

namespace quorate {

// check()'s part for the certificate of `cascade`.
void check_certificate(const Certificate& certificate, const Cascade& cascade);

}  // namespace quorate
