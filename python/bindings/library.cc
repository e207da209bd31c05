#include "bindings.h"

namespace quorate::python {

void register_library(py::module_&) {}

}  // namespace quorate::python
