// What the parts of the routing bindings share.
#pragma once

#include <string>

#include "bindings.h"
#include "quorate/route/cascade.h"
#include "quorate/route/model_costs.h"

namespace quorate::python {

// [models] or [models, samples].
ModelCosts as_model_costs(const py::object& object, const std::string& name);

std::string certificate_text(const Certificate& certificate);

void register_certificate(py::module_& m);  // before cascades, which hold one
void register_promise(py::module_& m);
void register_around(py::module_& m);
void register_report(py::module_& m);

// to_json, from_json, save and load, as every value has them.
template <class Value, class Class>
void bind_document(Class& value, Value (*parse)(std::string_view, const std::string&),
                   Value (*load)(const std::filesystem::path&), const char* name) {
  value
      .def(
          "to_json", [](const Value& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", parse, py::arg("text"), py::arg("name") = name,
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const Value& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", load, py::arg("path"), "Reads what save wrote.");
}

}  // namespace quorate::python
