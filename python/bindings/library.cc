#include "bindings.h"
#include "core/message.h"
#include "quorate/library/model_library.h"

namespace quorate::python {
namespace {

void add(ModelLibrary& library, const std::string& name, const std::map<std::string, py::object>& predictions,
         const std::map<std::string, double>& cost, const std::optional<std::filesystem::path>& model,
         const std::map<std::string, std::string>& about) {
  const std::map<std::string, ModelLibrary::Array> arrays = as_model_arrays(predictions);
  const py::gil_scoped_release release;
  library.add(name, arrays, cost, model.value_or(""), about);
}

// None stands for all models; in C++ an empty list does.
std::vector<std::string> chosen(const std::optional<std::vector<std::string>>& names) {
  require(!names || !names->empty(), "names is empty, but must hold at least one model, or be None for all");
  return names.value_or(std::vector<std::string>{});
}

std::string describe(const ModelLibrary& library) {
  const auto folder = library.folder();
  return message("ModelLibrary(", folder ? "\"" + folder->string() + "\"" : "in memory", ", ", library.size(),
                 " models, splits: ", joined(library.splits()), ")");
}

void register_entry(py::class_<ModelLibrary>& library) {
  using Entry = ModelLibrary::Entry;
  py::class_<Entry>(library, "Entry", "What a library knows of a model, predictions apart.")
      .def_readonly("name", &Entry::name, "What it is called.")
      .def_readonly("cost", &Entry::cost, "Measured costs by name, the unit in the name: \"latency_s\", \"memory_bytes\".")
      .def_readonly("about", &Entry::about, "Free text by name.")
      .def_property_readonly(
          "model_file",
          [](const Entry& entry) { return entry.model_file.empty() ? std::nullopt : std::optional(entry.model_file); },
          "The model's file; None where none was given.")
      .def_readonly("model_sha256", &Entry::model_sha256, "Lower-case hexadecimal, of the model's file; empty without one.")
      .def_readonly("splits", &Entry::splits, "Those that it has predictions for, ascending.")
      .def_readonly("bytes", &Entry::bytes, "On disk, those of all files in its folder; in memory, those of its arrays.")
      .def("__repr__", [](const Entry& entry) {
        return message("ModelLibrary.Entry(\"", entry.name, "\", splits: ", joined(entry.splits), ")");
      });
}

}  // namespace

std::map<std::string, ModelLibrary::Array> as_model_arrays(const std::map<std::string, py::object>& predictions) {
  std::map<std::string, ModelLibrary::Array> arrays;
  for (const auto& [split, object] : predictions) {
    const std::string title = "predictions[\"" + split + "\"]";
    const py::array array = as_scores(object, title);
    require_ndim(array, 2, title, "[samples, classes]");
    const Predictions::Model model = models_of(array, 1).front();
    arrays[split] = {model.data, static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1)),
                     model.owner, model.file};
  }
  return arrays;
}

void register_library(py::module_& m) {
  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<ModelLibrary> library(
      m, "ModelLibrary",
      "The models that a search leaves behind: held-out predictions, measured costs and files.\n\n"
      "folder: where it lives, made where it is missing; None keeps it in memory. A model appears on disk whole or not at\n"
      "all. Safe to call from several threads; other processes may read a library while one adds to it or removes from it.\n"
      "Raises FileError, naming the file, for what cannot be read.");
  register_entry(library);
  library
      .def(py::init([](const std::optional<std::filesystem::path>& folder) {
             return folder ? ModelLibrary(*folder) : ModelLibrary();
           }),
           py::arg("folder") = py::none(), Release())
      .def(
          "set_labels",
          [](ModelLibrary& self, const std::string& split, const py::object& labels) {
            std::vector<std::int32_t> truth = as_int32(labels, "labels");
            const py::gil_scoped_release release;
            self.set_labels(split, std::move(truth));
          },
          py::arg("split"), py::arg("labels"),
          "The true classes [samples] of a split, integers >= 0. The same again is allowed, others are a ValueError.")
      .def("add", &add, py::arg("name"), py::kw_only(), py::arg("predictions"),
           py::arg("cost") = std::map<std::string, double>{}, py::arg("model") = py::none(),
           py::arg("about") = std::map<std::string, std::string>{},
           "Adds a model. predictions: {split: probabilities [samples, classes]}, float16 or float32, checked as "
           "Predictions\n"
           "does; a library in memory keeps arrays in C order without a copy: do not change them afterwards. cost: {name: "
           "value},\n"
           "finite and >= 0. model: its file, which is copied into a library on disk. about: {name: text}. Raises "
           "ValueError\n"
           "for a name that is taken or not a plain file name, or a split without labels; then nothing is written.")
      .def("replace_model", &ModelLibrary::replace_model, py::arg("name"), py::arg("model"), py::arg("cost"),
           py::arg("about") = py::none(), Release(),
           "Replaces a model's file, by a compiled version of it, say, and all of its costs, in one step on disk. about: "
           "what\n"
           "is said of it from now on; None: what was said before.")
      .def("remove", &ModelLibrary::remove, py::arg("name"), Release(),
           "Takes a model away with all that belongs to it, in one step on disk; the order of the others stays.\n"
           "Predictions that were read before stay readable; other processes see it when they refresh. Raises ValueError\n"
           "for a name that the library does not have.")
      .def(
          "predictions",
          [](const ModelLibrary& self, const std::string& split, const std::optional<std::vector<std::string>>& names) {
            return self.predictions(split, chosen(names));
          },
          py::arg("split"), py::arg("names") = py::none(), Release(),
          "All models, or those of `names` in that order, on a split; memory-mapped. Raises ValueError for an empty "
          "library,\n"
          "an unknown split or a model without it, FileError for a truncated or foreign file.")
      .def(
          "cost",
          [](const ModelLibrary& self, const std::string& key, const std::optional<std::vector<std::string>>& names) {
            const std::vector<double> values = self.cost(key, chosen(names));
            return to_array(values, {static_cast<py::ssize_t>(values.size())});
          },
          py::arg("key"), py::arg("names") = py::none(),
          "[models] float64: one cost of every model, or of those of `names`. Raises ValueError naming the models that lack "
          "it.")
      .def("entry", &ModelLibrary::entry, py::arg("name"),
           "What the library knows of a model. Raises ValueError for a stranger.")
      .def("contains", &ModelLibrary::contains, py::arg("name"), "Whether there is a model of that name.")
      .def("__contains__", &ModelLibrary::contains, py::arg("name"))
      .def("__len__", &ModelLibrary::size)
      .def_property_readonly("names", &ModelLibrary::names,
                             "Models in the order in which they were added, also after reopening.")
      .def_property_readonly("splits", &ModelLibrary::splits, "Splits that have labels, ascending.")
      .def_property_readonly("folder", &ModelLibrary::folder, "Where it lives; None in memory.")
      .def("refresh", &ModelLibrary::refresh, Release(), "Reads what other processes have added, replaced or removed since.")
      .def("__repr__", &describe);
}

}  // namespace quorate::python
