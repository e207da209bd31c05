// Answers, and those to come.
#include <algorithm>
#include <cmath>
#include <ranges>

#include "core/message.h"
#include "infer.h"
#include "samples.h"

namespace quorate::python {

bool wait(const Pending& pending, double timeout_s, const std::function<void()>& meanwhile) {
  constexpr double kBetweenSignals_s = 0.1;
  for (;;) {
    {
      const py::gil_scoped_release release;
      if (pending.wait(std::min(timeout_s, kBetweenSignals_s))) return true;
    }
    timeout_s -= kBetweenSignals_s;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (timeout_s <= 0.0) return false;
    if (meanwhile) meanwhile();
  }
}

namespace {

// Shares the pending answer's arrays.
std::shared_ptr<Answer> answer_of(const Pending& pending) {
  const Answer& answer = pending.get();
  return {std::make_shared<Pending>(pending), const_cast<Answer*>(&answer)};
}

// What an answer says of each sample, not copied: the array keeps the answer.
template <auto kField>
auto of_samples(const py::object& self) {
  const auto& values = self.cast<Answer&>().*kField;
  return py::array_t<std::ranges::range_value_t<decltype(values)>>(static_cast<py::ssize_t>(values.size()), values.data(),
                                                                   self);
}

}  // namespace

std::shared_ptr<Answer> result(const Pending& pending, std::optional<double> timeout) {
  require(!timeout || !std::isnan(*timeout), "timeout is nan, but must be a number");
  if (!wait(pending, timeout.value_or(INFINITY))) {
    PyErr_SetString(PyExc_TimeoutError, message("no answer after ", *timeout, " s").c_str());
    throw py::error_already_set();
  }
  drop_left_arrays();
  return answer_of(pending);
}

void register_answer(py::module_& m) {
  py::class_<Answer, std::shared_ptr<Answer>>(m, "Answer", "What an engine says about some samples.")
      .def_property_readonly(
          "probs",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            return py::array_t<float>({answer.samples, answer.classes}, answer.probs.data(), self);
          },
          "float32 [samples, classes]: of the tier that answered; with combine=\"mean\" or \"majority\", of all asked.")
      .def_property_readonly("tier", &of_samples<&Answer::tier>, "int32 [samples]: the tier that answered, from 0.")
      .def_property_readonly(
          "certainty", &of_samples<&Answer::certainty>,
          "float64 [samples]: how sure that tier was, in [0, 1]. What a DriftMonitor observes beside the tier.")
      .def_property_readonly("answer", &of_samples<&Answer::answer>, "int32 [samples]: the class.")
      .def_property_readonly(
          "degraded", [](const py::object& self) { return of_samples<&Answer::degraded>(self).attr("view")("bool"); },
          "bool [samples]: answered without some member that should have been asked.")
      .def_readonly("lost", &Answer::lost, "The members that are missing from some sample's answer.")
      .def_readonly("foretold_accuracy", &Answer::foretold_accuracy,
                    "Accuracy of the committee without `lost` on the engine's held-out predictions; None unless degraded.")
      .def_readonly("latency_s", &Answer::latency_s, "Seconds from the call of submit() to the answer of the last sample.")
      .def("__repr__", [](const Answer& answer) {
        return message("Answer(samples=", answer.samples, ", classes=", answer.classes, ")");
      });

  py::class_<Pending>(m, "Pending", "An answer to come. It outlives its engine.")
      .def("done", &Pending::done, py::call_guard<py::gil_scoped_release>(),
           "True where the answer, or its failure, is there.")
      .def("answered", &Pending::answered, py::call_guard<py::gil_scoped_release>(), "Samples that have an answer so far.")
      .def("result", &result, py::arg("timeout") = py::none(),
           "Waits for the answer, for at most `timeout` seconds (None: as long as it takes; then TimeoutError). Raises "
           "DeviceError where models failed, DeadlineExceeded, Cancelled, Error where the engine was closed before.")
      .def("cancel", &Pending::cancel, py::call_guard<py::gil_scoped_release>(),
           "Takes the request out of the engine's queues: result() raises Cancelled. False where its end had come before.")
      .def("__repr__",
           [](const Pending& pending) { return message("Pending(done=", pending.done() ? "True" : "False", ")"); });
}

}  // namespace quorate::python
