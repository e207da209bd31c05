#pragma once

#include "bindings.h"

namespace quorate::python {

void register_profile(py::module_& m);

}  // namespace quorate::python
