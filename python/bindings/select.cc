#include "bindings.h"

namespace quorate::python {

void register_select(py::module_&) {}

}  // namespace quorate::python
