#include "profile.h"

#include <cmath>
#include <iomanip>

#include "core/message.h"
#include "quorate/plan/interpolate.h"
#include "quorate/plan/profile.h"

namespace quorate::python {
namespace {

// Of a table of the profile.
enum class Axes { kCells, kWeights, kPairs };

std::vector<std::size_t> shape_of(const Profile& profile, Axes axes) {
  std::vector<std::size_t> shape = {profile.kinds.size(), profile.models.size()};
  if (axes == Axes::kCells) shape.push_back(profile.batch_sizes.size());
  if (axes == Axes::kPairs) shape.push_back(profile.models.size());
  return shape;
}

std::string names_of(Axes axes) {
  return axes == Axes::kCells ? "kinds, models, batches" : axes == Axes::kPairs ? "kinds, models, models" : "kinds, models";
}

template <class T>
py::array_t<T> as_cells(const py::object& object, const std::string& name, const Profile& profile,
                        Axes axes = Axes::kCells) {
  const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(object);
  if (!array) {
    PyErr_Clear();
    throw std::invalid_argument(name + " is " + py::repr(object).cast<std::string>() + ", but must be an array of numbers");
  }
  const std::vector<std::size_t> wanted = shape_of(profile, axes);
  const std::string names = names_of(axes);
  require_ndim(array, static_cast<int>(wanted.size()), name, "[" + names + "]");
  for (std::size_t axis = 0; axis < wanted.size(); ++axis)
    require(static_cast<std::size_t>(array.shape(static_cast<py::ssize_t>(axis))) == wanted[axis], name, " has shape ",
            shape_text(array), ", but must be [", joined(wanted), "]: ", names);
  return array;
}

// Whole numbers beyond 2^53 would not survive as doubles; bytes as a float are a mean or an estimate: rounded up.
std::vector<std::int64_t> bytes_of(const py::object& object, const std::string& name, const Profile& profile,
                                   Axes axes = Axes::kCells) {
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
             const py::object& latency_s, const py::object& memory_bytes, const py::object& weights_bytes,
             const py::object& slowdown) {
  Profile profile;
  profile.models = std::move(models);
  if (const py::array sizes = py::array::ensure(batch_sizes)) require_ndim(sizes, 1, "batch_sizes", "[batches]");
  profile.batch_sizes = as_int32(batch_sizes, "batch_sizes");
  profile.kinds = std::move(kinds);
  const auto latencies = as_cells<double>(latency_s, "latency_s", profile);
  profile.latency_s.assign(latencies.data(), latencies.data() + latencies.size());
  profile.memory_bytes = bytes_of(memory_bytes, "memory_bytes", profile);
  if (!weights_bytes.is_none()) profile.weights_bytes = bytes_of(weights_bytes, "weights_bytes", profile, Axes::kWeights);
  if (!slowdown.is_none()) {
    const auto factors = as_cells<double>(slowdown, "slowdown", profile, Axes::kPairs);
    profile.slowdown.assign(factors.data(), factors.data() + factors.size());
  }
  check(profile);
  return profile;
}

// A copy; None where the table is empty.
template <class T>
py::object table_or_none(const Profile& profile, const std::vector<T>& table, Axes axes) {
  if (table.empty()) return py::none();
  const std::vector<std::size_t> shape = shape_of(profile, axes);
  return to_array(table, {shape.begin(), shape.end()});
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
      "all of memory_bytes then counts as if it stayed. slowdown: [kinds, models, models], the factor, 1 at least, by which "
      "a "
      "batch of the first model takes longer where the device hosts the second one too; None: none does. Latency may fall "
      "as the batch grows: measurements do. ValueError "
      "for anything else, and for a model that runs nowhere.")
      .def(py::init(&made), py::arg("models"), py::arg("batch_sizes"), py::arg("kinds"), py::arg("latency_s"),
           py::arg("memory_bytes"), py::arg("weights_bytes") = py::none(), py::arg("slowdown") = py::none())
      .def_static(
          "measure", &measured, py::arg("library"), py::arg("devices"),
          "The library's models measured on this machine's devices, one of each kind.\n\n"
          "Takes the keyword arguments of quorate._infer.measure_profile: sample, batch_sizes, models, warmup, repeats "
          "and others, which it documents. ImportError where the engine is not built in.")
      .def_static(
          "from_csv",
          [](const py::object& path, const py::object& slowdown, bool sparse) {
            return py::module_::import("quorate.profiles")
                .attr("from_csv")(path, py::arg("slowdown") = slowdown, py::arg("sparse") = sparse);
          },
          py::arg("path"), py::kw_only(), py::arg("slowdown") = py::none(), py::arg("sparse") = false,
          "A CSV file with the columns kind, model, batch, latency_s and memory_bytes; see quorate.profiles.from_csv, and "
          "quorate.profiles for Triton Model Analyzer's and timm's tables.")
      .def("interpolated", &interpolated, py::arg("batch_sizes"),
           "The same profile at other batch sizes: between two measured ones latency and memory lie on the line between "
           "theirs (where the larger batch was faster, latency is its), below the smallest they are that one's, above the "
           "largest the model does not run. ValueError for sizes that do not ascend.")
      .def(
          "interpolation_error",
          [](const Profile& self) { return table_or_none(self, interpolation_error(self), Axes::kWeights); },
          "[kinds, models]: how far off that line is. Each measured batch size but the smallest and the largest is left out "
          "in turn and read off the others; of |line - measured| / measured the largest. nan with fewer than three sizes.")
      .def_readonly("models", &Profile::models, "Names.")
      .def_readonly("batch_sizes", &Profile::batch_sizes, "Ascending.")
      .def_readonly("kinds", &Profile::kinds, "Kinds of device.")
      .def_property_readonly(
          "latency_s", [](const Profile& self) { return table_or_none(self, self.latency_s, Axes::kCells); },
          "[kinds, models, batches], seconds of a whole batch; inf: does not run there. A copy.")
      .def_property_readonly(
          "memory_bytes", [](const Profile& self) { return table_or_none(self, self.memory_bytes, Axes::kCells); },
          "[kinds, models, batches], of one instance. A copy.")
      .def_property_readonly(
          "weights_bytes", [](const Profile& self) { return table_or_none(self, self.weights_bytes, Axes::kWeights); },
          "[kinds, models], what stays of an instance between batches; None where unknown. A copy.")
      .def_property_readonly(
          "slowdown", [](const Profile& self) { return table_or_none(self, self.slowdown, Axes::kPairs); },
          "[kinds, models, models], by which factor a batch of the first takes longer beside the second; None: it does not. "
          "A "
          "copy.")
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
