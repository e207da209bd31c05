// Arrays of samples as the engine reads them.
#pragma once

#include <string>

#include "bindings.h"
#include "quorate/infer/engine.h"

namespace quorate::python {

// float32 in C order, aligned, read where it lies; an array in another order, or that is not aligned, is copied. ValueError,
// calling it `name`, for another type or another machine's memory.
py::array as_float32(const py::object& object, const std::string& name);

// The array, with an owner that never waits for the GIL: what lets go of it last may be a lane, which a Python thread that
// computes would hold up. The array itself goes at the next drop_left_arrays(), or when the main thread next runs Python.
Samples as_samples(const py::object& object, const std::string& name);

// With the GIL.
void drop_left_arrays();

}  // namespace quorate::python
