#include "bindings.h"

namespace quorate::python {

void register_route(py::module_&) {}

}  // namespace quorate::python
