#include "bindings.h"
#include "core/message.h"
#include "quorate/core/device.h"
#include "quorate/core/error.h"
#include "quorate/core/file.h"

namespace quorate::python {

void register_core(py::module_& m) {
  const auto error = py::register_exception<Error>(m, "Error", PyExc_RuntimeError);
  py::register_exception<FileError>(m, "FileError", error);
  py::register_exception<DeviceError>(m, "DeviceError", error);
  error.attr("__doc__") = "Something outside the program failed; the base of quorate's own errors.";
  m.attr("FileError").attr("__doc__") = "A file is missing, truncated, malformed or could not be written.";
  m.attr("DeviceError").attr("__doc__") = "A device or a model running on it failed.";

  py::class_<Device>(m, "Device", "A place that models run on.")
      .def(py::init([](std::string name, std::string kind, std::int64_t memory_bytes, double usd_per_hour,
                       std::vector<int> cores) {
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
  m.def(
      "write_file",
      [](const std::filesystem::path& path, const py::bytes& content) {
        const std::string_view bytes = content;
        const py::gil_scoped_release unlocked;
        write_file(path, bytes);
      },
      py::arg("path"), py::arg("content"),
      "Replaces a file in one step: written beside it, fsynced, renamed. FileError leaves the old file as it was.");
  m.def("discover_devices", &discover_devices, "What this machine offers: the CPU as one device of all usable cores.");
}

}  // namespace quorate::python
