#include "profile.h"

#include <cmath>
#include <iomanip>

#include "core/message.h"
#include "quorate/plan/interpolate.h"
#include "quorate/plan/profile.h"

namespace quorate::python {
namespace {

// The table's axes, of which weights have the first two.
constexpr const char* kAxes[] = {"kinds", "models", "batches"};

template <class T>
py::array_t<T> as_cells(const py::object& object, const std::string& name, const Profile& profile, std::size_t axes = 3) {
  const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(object);
  if (!array) {
    PyErr_Clear();
    throw std::invalid_argument(name + " is " + py::repr(object).cast<std::string>() + ", but must be an array of numbers");
  }
  const std::vector<std::size_t> wanted = {profile.kinds.size(), profile.models.size(), profile.batch_sizes.size()};
  const std::string names = joined(std::span(kAxes, axes));
  require_ndim(array, static_cast<int>(axes), name, "[" + names + "]");
  for (std::size_t axis = 0; axis < axes; ++axis)
    require(static_cast<std::size_t>(array.shape(static_cast<py::ssize_t>(axis))) == wanted[axis], name, " has shape ",
            shape_text(array), ", but must be [", joined(std::span(wanted.data(), axes)), "]: ", names);
  return array;
}

// Whole numbers beyond 2^53 would not survive as doubles; bytes as a float are a mean or an estimate: rounded up.
std::vector<std::int64_t> bytes_of(const py::object& object, const std::string& name, const Profile& profile,
                                   std::size_t axes = 3) {
  const py::array array = py::array::ensure(object);
  if (!array) PyErr_Clear();
  if (array && array.dtype().kind() == 'i') {
    const auto cells = as_cells<std::int64_t>(object, name, profile, axes);
    return {cells.data(), cells.data() + cells.size()};
  }
  const auto cells = as_cells<double>(object, name, profile, axes);
  std::vector<std::int64_t> result;
  for (py::ssize_t i = 0; i < cells.size(); ++i) {
    const double value = cells.data()[i];
    require(std::isfinite(value) && std::abs(value) < 0x1p63, name, " holds ", value,
            ", but must be finite and fit 64 bits");
    result.push_back(static_cast<std::int64_t>(std::ceil(value)));
  }
  return result;
}

Profile made(std::vector<std::string> models, const py::object& batch_sizes, std::vector<std::string> kinds,
             const py::object& latency_s, const py::object& memory_bytes, const py::object& weights_bytes) {
  Profile profile;
  profile.models = std::move(models);
  if (const py::array sizes = py::array::ensure(batch_sizes)) require_ndim(sizes, 1, "batch_sizes", "[batches]");
  profile.batch_sizes = as_int32(batch_sizes, "batch_sizes");
  profile.kinds = std::move(kinds);
  const auto latencies = as_cells<double>(latency_s, "latency_s", profile);
  profile.latency_s.assign(latencies.data(), latencies.data() + latencies.size());
  profile.memory_bytes = bytes_of(memory_bytes, "memory_bytes", profile);
  if (!weights_bytes.is_none()) profile.weights_bytes = bytes_of(weights_bytes, "weights_bytes", profile, 2);
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
      "instance, weights and workspace; fractions are rounded up. weights_bytes: [kinds, models], the part of memory_bytes "
      "that stays between batches, what each instance costs besides included; the rest is a batch's workspace. None: "
      "unknown, "
      "all of memory_bytes then counts as if it stayed. Latency may fall as the batch grows: measurements do. ValueError "
      "for anything else, and for a model that runs nowhere.")
      .def(py::init(&made), py::arg("models"), py::arg("batch_sizes"), py::arg("kinds"), py::arg("latency_s"),
           py::arg("memory_bytes"), py::arg("weights_bytes") = py::none())
      .def_static(
          "measure", &measured, py::arg("library"), py::arg("devices"),
          "The library's models measured on this machine's devices, one of each kind.\n\n"
          "Takes the keyword arguments of quorate._infer.measure_profile: sample, batch_sizes, models, warmup, repeats "
          "and others, which it documents. ImportError where the engine is not built in.")
      .def_static(
          "from_csv",
          [](const py::object& path, bool sparse) {
            return py::module_::import("quorate.profiles").attr("from_csv")(path, py::arg("sparse") = sparse);
          },
          py::arg("path"), py::kw_only(), py::arg("sparse") = false,
          "A CSV file with the columns kind, model, batch, latency_s and memory_bytes; see quorate.profiles.from_csv, and "
          "quorate.profiles for Triton Model Analyzer's and timm's tables.")
      .def("interpolated", &interpolated, py::arg("batch_sizes"),
           "The same profile at other batch sizes: between two measured ones latency and memory lie on the line between "
           "theirs (where the larger batch was faster, latency is its), below the smallest they are that one's, above the "
           "largest the model does not run. ValueError for sizes that do not ascend.")
      .def(
          "interpolation_error",
          [](const Profile& self) {
            return to_array(interpolation_error(self),
                            {static_cast<py::ssize_t>(self.kinds.size()), static_cast<py::ssize_t>(self.models.size())});
          },
          "[kinds, models]: how far off that line is. Each measured batch size but the smallest and the largest is left out "
          "in turn and read off the others; of |line - measured| / measured the largest. nan with fewer than three sizes.")
      .def_readonly("models", &Profile::models, "Names.")
      .def_readonly("batch_sizes", &Profile::batch_sizes, "Ascending.")
      .def_readonly("kinds", &Profile::kinds, "Kinds of device.")
      .def_property_readonly(
          "latency_s", [](const Profile& self) { return to_array(self.latency_s, shape_of(self)); },
          "[kinds, models, batches], seconds of a whole batch; inf: does not run there. A copy.")
      .def_property_readonly(
          "memory_bytes", [](const Profile& self) { return to_array(self.memory_bytes, shape_of(self)); },
          "[kinds, models, batches], of one instance. A copy.")
      .def_property_readonly(
          "weights_bytes",
          [](const Profile& self) -> py::object {
            if (self.weights_bytes.empty()) return py::none();
            return to_array(self.weights_bytes, {shape_of(self)[0], shape_of(self)[1]});
          },
          "[kinds, models], what stays of an instance between batches; None where unknown. A copy.")
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
