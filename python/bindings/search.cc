#include "bindings.h"

namespace quorate::python {

void register_search(py::module_&) {}

}  // namespace quorate::python
