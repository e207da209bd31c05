#include "bindings.h"

PYBIND11_MODULE(_infer, m) {
  m.doc() = "quorate's inference engine; links LibTorch.";
  // Cascade, Plan and the other values that this module takes are _core's types.
  pybind11::module_::import("quorate._core");
  quorate::python::register_infer(m);
}
