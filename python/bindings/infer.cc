// The module's exceptions and functions; its classes are in the files beside this one.
#include "infer.h"

#include "live_engines.h"
#include "quorate/infer/isolated.h"
#include "samples.h"

namespace quorate::python {

void register_infer(py::module_& m) {
  const py::object error = py::module_::import("quorate._core").attr("Error");
  py::register_exception<QueueFull>(m, "QueueFull", error).doc() = "An engine takes no more samples now.";
  py::register_exception<DeadlineExceeded>(m, "DeadlineExceeded", error).doc() = "A request had no answer by its deadline.";
  py::register_exception<Cancelled>(m, "Cancelled", error).doc() = "A request was cancelled.";
  register_answer(m);
  register_replay(m);
  m.def(
      "run_isolated_worker", [] { run_isolated_worker(); }, py::call_guard<py::gil_scoped_release>(),
      "What the process of an isolated model does; an engine starts it.");
  register_engine(m);
  py::module_::import("atexit").attr("register")(py::cpp_function([] {
    {
      const py::gil_scoped_release release;
      close_held_engines();
    }
    drop_left_arrays();
  }));
  register_measure(m);
}

}  // namespace quorate::python
