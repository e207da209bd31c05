// Shared by the binding files: one register function a module, and NumPy arrays as the core's views.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/operators.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "quorate/library/model_library.h"

namespace quorate::python {

namespace py = pybind11;

void register_core(py::module_& m);
void register_predictions(py::module_& m);
void register_library(py::module_& m);
void register_search(py::module_& m);
void register_select(py::module_& m);
void register_select_evaluation(py::module_& m);
void register_route(py::module_& m);
void register_plan(py::module_& m);
void register_joint(py::module_& m);
void register_infer(py::module_& m);

// Keeps an array alive from C++; the last reference takes the GIL to let it go.
std::shared_ptr<const void> owner_of(py::array array);

// "[2, 3]" for messages.
std::string shape_text(const py::array& array);

// Throws ValueError, calling the array `name`, unless it has `ndim` dimensions.
void require_ndim(const py::array& array, int ndim, const std::string& name, const std::string& axes);

// The array in C order as float16 or float32, without a copy where it is so already; float64 is rounded to float32. Any
// other type is a ValueError that calls the array `name`.
py::array as_scores(const py::object& object, const std::string& name);

// The equal parts of an array that as_scores() gave, one for each model; the array is kept, not copied.
std::vector<Predictions::Model> models_of(const py::array& array, std::size_t models);

// An integer array of any width as int32; ValueError where it holds fractions or does not fit.
std::vector<std::int32_t> as_int32(const py::object& object, const std::string& name, int ndim = 1);

// Any real array [n] as double.
std::vector<double> as_doubles(const py::object& object, const std::string& name);

// {split: probabilities [samples, classes]} as a model library takes them; the arrays are kept, not copied.
std::map<std::string, ModelLibrary::Array> as_model_arrays(const std::map<std::string, py::object>& predictions);

// What progress= says: None for False, or the callable; for True a quorate.progress.<shower>(total), which shows what it is
// called with on stderr from its __enter__() to its __exit__(). ValueError for anything else.
py::object progress_from(const py::object& given, const char* shower, std::int64_t total);

// A new NumPy array of `shape` from a flat vector (copied).
template <class T>
py::array_t<T> to_array(const std::vector<T>& values, std::vector<py::ssize_t> shape) {
  return py::array_t<T>(std::move(shape), values.data());
}

}  // namespace quorate::python
