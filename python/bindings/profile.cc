#include "profile.h"

#include <cmath>
#include <iomanip>

#include "core/message.h"
#include "quorate/plan/profile.h"

namespace quorate::python {
namespace {

template <class T>
py::array_t<T> as_cells(const py::object& object, const std::string& name) {
  const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(object);
  if (!array) {
    PyErr_Clear();
    throw std::invalid_argument(name + " is " + py::repr(object).cast<std::string>() + ", but must be an array of numbers");
  }
  require_ndim(array, 3, name, "[kinds, models, batches]");
  return array;
}

void require_shape(const py::array& array, const std::string& name, const Profile& profile) {
  const auto is = [&](int axis, std::size_t size) { return static_cast<std::size_t>(array.shape(axis)) == size; };
  require(is(0, profile.kinds.size()) && is(1, profile.models.size()) && is(2, profile.batch_sizes.size()), name,
          " has shape ", shape_text(array), ", but must be [", profile.kinds.size(), ", ", profile.models.size(), ", ",
          profile.batch_sizes.size(), "]: kinds, models, batches");
}

// Bytes as a float are a mean or an estimate: rounded up.
std::int64_t bytes_from(double value) {
  require(std::isfinite(value) && std::abs(value) < 0x1p63, "memory_bytes holds ", value,
          ", but must be finite and fit 64 bits");
  return static_cast<std::int64_t>(std::ceil(value));
}
std::int64_t bytes_from(std::int64_t value) { return value; }

template <class T>
std::vector<std::int64_t> bytes_of(const py::object& memory_bytes, const Profile& profile) {
  const py::array_t<T> cells = as_cells<T>(memory_bytes, "memory_bytes");
  require_shape(cells, "memory_bytes", profile);
  std::vector<std::int64_t> result;
  for (py::ssize_t i = 0; i < cells.size(); ++i) result.push_back(bytes_from(cells.data()[i]));
  return result;
}

Profile made(std::vector<std::string> models, const py::object& batch_sizes, std::vector<std::string> kinds,
             const py::object& latency_s, const py::object& memory_bytes) {
  Profile profile;
  profile.models = std::move(models);
  if (const py::array sizes = py::array::ensure(batch_sizes)) require_ndim(sizes, 1, "batch_sizes", "[batches]");
  profile.batch_sizes = as_int32(batch_sizes, "batch_sizes");
  profile.kinds = std::move(kinds);
  const py::array_t<double> latencies = as_cells<double>(latency_s, "latency_s");
  require_shape(latencies, "latency_s", profile);
  profile.latency_s.assign(latencies.data(), latencies.data() + latencies.size());
  // Whole numbers beyond 2^53 would not survive as doubles.
  const py::array bytes = py::array::ensure(memory_bytes);
  if (!bytes) PyErr_Clear();
  profile.memory_bytes = bytes && bytes.dtype().kind() == 'i' ? bytes_of<std::int64_t>(memory_bytes, profile)
                                                              : bytes_of<double>(memory_bytes, profile);
  check(profile);
  return profile;
}

std::vector<py::ssize_t> shape_of(const Profile& profile) {
  return {static_cast<py::ssize_t>(profile.kinds.size()), static_cast<py::ssize_t>(profile.models.size()),
          static_cast<py::ssize_t>(profile.batch_sizes.size())};
}

std::string table_of(const Profile& profile) {
  std::ostringstream out;
  out << "Profile of " << profile.models.size() << " models on " << profile.kinds.size()
      << " kinds of device: ms a batch and MB\n"
      << std::left << std::setw(14) << "kind" << std::setw(16) << "model" << std::right;
  for (const int batch : profile.batch_sizes) out << std::setw(20) << message("batch ", batch);
  for (std::size_t kind = 0; kind < profile.kinds.size(); ++kind)
    for (std::size_t model = 0; model < profile.models.size(); ++model) {
      out << "\n"
          << std::left << std::setw(14) << profile.kinds[kind] << std::setw(16) << profile.models[model] << std::right;
      for (std::size_t batch = 0; batch < profile.batch_sizes.size(); ++batch) {
        const std::size_t cell = profile.index(kind, model, batch);
        std::ostringstream text;
        text << std::setprecision(4) << profile.latency_s[cell] * 1e3 << " / "
             << static_cast<double>(profile.memory_bytes[cell]) / 1e6;
        out << std::setw(20) << (std::isinf(profile.latency_s[cell]) ? "does not run" : text.str());
      }
    }
  return out.str();
}

py::object measured(const py::object& library, const py::object& devices, const py::kwargs& options) {
  return py::module_::import("quorate._infer").attr("measure_profile")(library, devices, **options);
}

}  // namespace

void register_profile(py::module_& m) {
  py::class_<Profile>(
      m, "Profile",
      "How long each model takes on each kind of device at each batch size, and how much memory.\n\n"
      "models, kinds: names, each once. batch_sizes: ascending, at least 1. latency_s: [kinds, models, batches], "
      "seconds of a whole batch, above 0; inf: the model does not run there. memory_bytes: the same shape, of one "
      "instance, weights and workspace; fractions are rounded up. Latency may fall as the batch grows: measurements "
      "do. ValueError for anything else, and for a model that runs nowhere.")
      .def(py::init(&made), py::arg("models"), py::arg("batch_sizes"), py::arg("kinds"), py::arg("latency_s"),
           py::arg("memory_bytes"))
      .def_static(
          "measure", &measured, py::arg("library"), py::arg("devices"),
          "The library's models measured on this machine's devices, one of each kind.\n\n"
          "Takes the keyword arguments of quorate._infer.measure_profile: sample, batch_sizes, models, warmup, repeats "
          "and others, which it documents. ImportError where the engine is not built in.")
      .def_readonly("models", &Profile::models, "Names.")
      .def_readonly("batch_sizes", &Profile::batch_sizes, "Ascending.")
      .def_readonly("kinds", &Profile::kinds, "Kinds of device.")
      .def_property_readonly(
          "latency_s", [](const Profile& self) { return to_array(self.latency_s, shape_of(self)); },
          "[kinds, models, batches], seconds of a whole batch; inf: does not run there. A copy.")
      .def_property_readonly(
          "memory_bytes", [](const Profile& self) { return to_array(self.memory_bytes, shape_of(self)); },
          "[kinds, models, batches], of one instance. A copy.")
      .def(py::self == py::self)
      .def("__repr__", &table_of)
      .def(
          "to_json", [](const Profile& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", &profile_from_json, py::arg("text"), py::arg("name") = "profile",
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const Profile& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", &load_profile, py::arg("path"), "Reads what save wrote.");
}

}  // namespace quorate::python
