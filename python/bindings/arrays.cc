// NumPy arrays as the core takes them; compiled into both extension modules.
#include "bindings.h"
#include "core/message.h"

namespace quorate::python {

std::shared_ptr<const void> owner_of(py::array array) {
  const void* data = array.data();
  auto* held = new py::array(std::move(array));
  return {data, [held](const void*) {
            const py::gil_scoped_acquire gil;
            delete held;
          }};
}

py::object progress_from(const py::object& given, const char* shower, std::int64_t total) {
  if (given.is(py::bool_(true))) return py::module_::import("quorate.progress").attr(shower)(total);
  if (given.is(py::bool_(false)) || given.is_none()) return py::none();
  require(PyCallable_Check(given.ptr()) != 0, "progress is ", py::repr(given).cast<std::string>(),
          ", but must be True, False or callable");
  return given;
}

std::string shape_text(const py::array& array) {
  return "[" + joined(std::span(array.shape(), static_cast<std::size_t>(array.ndim()))) + "]";
}

void require_ndim(const py::array& array, int ndim, const std::string& name, const std::string& axes) {
  require(array.ndim() == ndim, name, " has shape ", shape_text(array), ", but must be ", axes);
}

py::array as_scores(const py::object& object, const std::string& name) {
  const py::array array = py::array::ensure(object);
  if (!array) PyErr_Clear();
  const char kind = array ? array.dtype().kind() : 'O';
  require(kind == 'f', name, " has type ", array ? py::str(array.dtype()).cast<std::string>() : "(not an array)",
          ", but must be float16 or float32");
  return py::module_::import("numpy").attr("ascontiguousarray")(array, array.itemsize() == 2 ? "float16" : "float32");
}

std::vector<std::int32_t> as_int32(const py::object& object, const std::string& name, int ndim) {
  const py::array array = py::array::ensure(object);
  if (!array) PyErr_Clear();
  const char kind = array ? array.dtype().kind() : 'O';
  require(kind == 'i' || kind == 'u' || kind == 'b', name, " has type ",
          array ? py::str(array.dtype()).cast<std::string>() : "(not an array)", ", but must be of integers");
  require_ndim(array, ndim, name, ndim == 1 ? "[samples]" : "[models, samples]");
  const auto wide = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(array);
  std::vector<std::int32_t> result;
  result.reserve(static_cast<std::size_t>(wide.size()));
  for (py::ssize_t i = 0; i < wide.size(); ++i) {
    const std::int64_t value = wide.data()[i];
    require(value == static_cast<std::int32_t>(value), name, " holds ", value, ", but must fit 32 bits");
    result.push_back(static_cast<std::int32_t>(value));
  }
  return result;
}

std::vector<double> as_doubles(const py::object& object, const std::string& name) {
  const auto array = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(object);
  if (!array) {
    PyErr_Clear();
    throw std::invalid_argument(name + " is " + py::repr(object).cast<std::string>() + ", but must be an array of numbers");
  }
  require_ndim(array, 1, name, "one-dimensional");
  return {array.data(), array.data() + array.size()};
}

}  // namespace quorate::python
