#include "bindings.h"

namespace quorate::python {

void register_plan(py::module_&) {}

}  // namespace quorate::python
