#include "bindings.h"

namespace quorate::python {

void register_infer(py::module_&) {}

}  // namespace quorate::python
