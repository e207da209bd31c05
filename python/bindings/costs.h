// Costs of models as Python gives them.
#pragma once

#include <string>
#include <vector>

#include "bindings.h"
#include "quorate/select/select.h"

namespace quorate::python {

// [models] or {name: [models]}, in the order of the names.
inline std::vector<Cost> named_costs(const py::object& cost) {
  if (!py::isinstance<py::dict>(cost)) return {{.of_model = as_doubles(cost, "cost")}};
  std::vector<Cost> costs;
  for (const auto& [key, of_model] : cost.cast<py::dict>()) {
    const auto name = py::str(key).cast<std::string>();
    costs.push_back({.name = name, .of_model = as_doubles(of_model.cast<py::object>(), "cost[\"" + name + "\"]")});
  }
  return costs;
}

}  // namespace quorate::python
