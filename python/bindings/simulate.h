#pragma once

#include "bindings.h"

namespace quorate::python {

void register_simulation(py::module_& m);

}  // namespace quorate::python
