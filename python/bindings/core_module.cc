#include "bindings.h"

PYBIND11_MODULE(_core, m) {
  m.doc() = "quorate's core: library, search, select, route, plan.";
  quorate::python::register_core(m);
  quorate::python::register_predictions(m);
  quorate::python::register_library(m);
  quorate::python::register_search(m);
  quorate::python::register_select(m);
  quorate::python::register_select_evaluation(m);
  quorate::python::register_route(m);
  quorate::python::register_plan(m);
  quorate::python::register_joint(m);
}
