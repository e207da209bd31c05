#include "quorate/core/device.h"

#include "bindings.h"
#include "core/message.h"
#include "quorate/core/error.h"

namespace quorate::python {

std::shared_ptr<const void> owner_of(py::array array) {
  const void* data = array.data();
  auto* held = new py::array(std::move(array));
  return {data, [held](const void*) {
            const py::gil_scoped_acquire gil;
            delete held;
          }};
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
  const bool small = array.itemsize() <= 4;
  return py::module_::import("numpy").attr("ascontiguousarray")(array, small ? py::object(array.dtype()) : py::str("float32"));
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

void register_core(py::module_& m) {
  const auto error = py::register_exception<Error>(m, "Error", PyExc_RuntimeError);
  py::register_exception<FileError>(m, "FileError", error);
  py::register_exception<DeviceError>(m, "DeviceError", error);
  error.attr("__doc__") = "Something outside the program failed; the base of quorate's own errors.";
  m.attr("FileError").attr("__doc__") = "A file is missing, truncated, malformed or could not be written.";
  m.attr("DeviceError").attr("__doc__") = "A device or a model running on it failed.";

  py::class_<Device>(m, "Device", "A place that models run on.")
      .def(py::init([](std::string name, std::string kind, std::int64_t memory_bytes, double usd_per_hour, std::vector<int> cores) {
             require(!name.empty(), "name is empty, but must name the device");
             require(!kind.empty(), "kind is empty, but must name the kind of device");
             require(memory_bytes >= 0, "memory_bytes is ", memory_bytes, ", but must be at least 0");
             require(usd_per_hour >= 0.0, "usd_per_hour is ", usd_per_hour, ", but must be at least 0");
             return Device{std::move(name), std::move(kind), memory_bytes, usd_per_hour, std::move(cores)};
           }),
           py::arg("name"), py::kw_only(), py::arg("kind"), py::arg("memory_bytes"), py::arg("usd_per_hour") = 0.0,
           py::arg("cores") = std::vector<int>{})
      .def_readonly("name", &Device::name, "Unique on this machine: \"cpu:0\".")
      .def_readonly("kind", &Device::kind, "Devices of one kind run a model equally fast.")
      .def_readonly("memory_bytes", &Device::memory_bytes, "What models may use of it.")
      .def_readonly("usd_per_hour", &Device::usd_per_hour, "Rent; 0 where it costs nothing or nobody knows.")
      .def_readonly("cores", &Device::cores, "The CPU cores that it stands for; empty for other devices.")
      .def(py::self == py::self)
      .def("__repr__", [](const Device& device) {
        return message("Device(\"", device.name, "\", kind=\"", device.kind, "\", memory_bytes=", device.memory_bytes, ")");
      });
  m.def(
      "cpu_devices", [](const std::vector<int>& cores) { return cpu_devices(cores); }, py::arg("cores"),
      "One device for each group of cores; cores[i] is the number of cores of group i. None is shared between devices.");
  m.def("discover_devices", &discover_devices, "What this machine offers: the CPU as one device of all usable cores.");
}

}  // namespace quorate::python
