// Shared by the search module's binding files.
#pragma once

#include "bindings.h"
#include "quorate/search/async_hyperband.h"

namespace quorate::python {

void register_trials(py::module_& m);
void register_study(py::module_& m);

// {name: Float, Int or Categorical} in order; ValueError names what is wrong.
Space space_from(const py::dict& space);
py::dict to_dict(const Space& space);

Config config_from(const py::dict& config, const Space& space);
py::dict to_dict(const Config& config);

int brackets_from(std::optional<int> brackets);

}  // namespace quorate::python
