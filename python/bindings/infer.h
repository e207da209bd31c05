// Shared by the binding files of the engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bindings.h"
#include "quorate/infer/engine.h"

namespace quorate::python {

void register_answer(py::module_& m);
void register_replay(py::module_& m);
void register_engine(py::module_& m);
void register_measure(py::module_& m);

// Waits without the GIL, but for `meanwhile` now and then; Ctrl-C ends the waiting, not the work. False after `timeout_s`.
bool wait(const Pending& pending, double timeout_s, const std::function<void()>& meanwhile = nullptr);

// Waits, for at most `timeout` seconds (then Python's TimeoutError), and shares the pending answer's arrays.
std::shared_ptr<Answer> result(const Pending& pending, std::optional<double> timeout);

// A model of the engine's models={name: model}: a Replay, or a callable.
std::shared_ptr<Backend> as_backend(const std::string& name, const py::object& model);

}  // namespace quorate::python
