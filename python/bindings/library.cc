#include "bindings.h"
#include "core/message.h"
#include "quorate/library/model_library.h"

namespace quorate::python {
namespace {

using Rows = std::variant<const float*, const Half*>;

bool is_half(const py::array& array) { return array.itemsize() == 2; }

// The array's numbers from `offset` on, as the core's type.
Rows rows_at(const py::array& array, std::size_t offset) {
  if (is_half(array)) return static_cast<const Half*>(array.data()) + offset;
  return static_cast<const float*>(array.data()) + offset;
}

Predictions from_array(const py::object& probs, const py::object& labels,
                       const std::optional<std::vector<std::string>>& names) {
  const py::array array = as_scores(probs, "probs");
  require_ndim(array, 3, "probs", "[models, samples, classes]");
  const auto count = static_cast<std::size_t>(array.shape(0));
  const auto samples = static_cast<std::size_t>(array.shape(1));
  const auto classes = static_cast<std::size_t>(array.shape(2));
  const std::shared_ptr<const void> owner = owner_of(array);
  std::vector<Predictions::Model> models;
  for (std::size_t m = 0; m < count; ++m) models.push_back({rows_at(array, m * samples * classes), owner});
  std::vector<std::int32_t> truth = as_int32(labels, "labels");

  const py::gil_scoped_release release;
  return Predictions::from_probabilities(std::move(models), samples, classes, std::move(truth),
                                         names.value_or(std::vector<std::string>{}));
}

Predictions from_votes(const py::object& classes, const py::object& labels, const py::object& confidence,
                       const std::optional<std::vector<std::string>>& names) {
  const std::vector<std::int32_t> votes = as_int32(classes, "classes", 2);
  const auto votes_shape = py::array::ensure(classes);
  const MatrixView<const std::int32_t> votes_view{votes.data(), static_cast<std::size_t>(votes_shape.shape(0)),
                                                  static_cast<std::size_t>(votes_shape.shape(1))};
  py::array_t<float, py::array::c_style | py::array::forcecast> sureness;
  MatrixView<const float> sureness_view;
  if (!confidence.is_none()) {
    sureness = as_scores(confidence, "confidence");
    require_ndim(sureness, 2, "confidence", "[models, samples]");
    sureness_view = {sureness.data(), static_cast<std::size_t>(sureness.shape(0)),
                     static_cast<std::size_t>(sureness.shape(1))};
  }
  std::vector<std::int32_t> truth = as_int32(labels, "labels");

  const py::gil_scoped_release release;
  return Predictions::from_votes(votes_view, sureness_view, std::move(truth), names.value_or(std::vector<std::string>{}));
}

py::array read_only(py::array array) {
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

const void* address(const Rows& rows) {
  return std::visit([](const auto* data) -> const void* { return data; }, rows);
}

// Whether the models' arrays follow each other in one allocation, so that they are one array already.
bool is_one_array(const Predictions& predictions) {
  const Predictions::Model& first = predictions.raw(0);
  const std::size_t item = std::holds_alternative<const Half*>(first.data) ? sizeof(Half) : sizeof(float);
  const std::size_t model_bytes = predictions.samples() * predictions.classes() * item;
  for (std::size_t m = 1; m < predictions.models(); ++m) {
    const Predictions::Model& model = predictions.raw(m);
    if (model.data.index() != first.data.index() || model.owner.get() != first.owner.get() ||
        address(model.data) != static_cast<const char*>(address(first.data)) + m * model_bytes)
      return false;
  }
  return true;
}

py::array probs_of(const Predictions& predictions) {
  const std::size_t models = predictions.models(), samples = predictions.samples(), classes = predictions.classes();
  const std::vector<std::size_t> shape{models, samples, classes};
  if (predictions.has_probabilities() && is_one_array(predictions)) {
    const Predictions::Model& first = predictions.raw(0);
    const bool half = std::holds_alternative<const Half*>(first.data);
    const py::capsule keeper(new std::shared_ptr<const void>(first.owner),
                             [](void* owner) { delete static_cast<std::shared_ptr<const void>*>(owner); });
    return read_only(py::array(py::dtype(half ? "float16" : "float32"), shape, address(first.data), keeper));
  }
  py::array_t<float> stacked(shape);
  float* out = stacked.mutable_data();
  {
    const py::gil_scoped_release release;
    for (std::size_t m = 0; m < models; ++m) predictions.read(m, 0, samples, out + m * samples * classes);
  }
  return read_only(stacked);
}

py::array labels_of(const Predictions& predictions) {
  return read_only(to_array(std::vector(predictions.labels().begin(), predictions.labels().end()),
                            {static_cast<py::ssize_t>(predictions.samples())}));
}

Predictions take(const Predictions& predictions, const py::object& samples) {
  const py::array array = py::array::ensure(samples);
  require(!array || array.dtype().kind() != 'b', "samples has type bool, but must be of indices: numpy.flatnonzero(mask)");
  std::vector<std::size_t> chosen;
  for (const std::int32_t sample : as_int32(samples, "samples")) {
    require(sample >= 0, "samples holds ", sample, ", but must be at least 0");
    chosen.push_back(static_cast<std::size_t>(sample));
  }
  const py::gil_scoped_release release;
  return predictions.take(chosen);
}

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

void register_predictions(py::module_& m) {
  py::class_<Predictions>(
      m, "Predictions",
      "Class probabilities, or hard votes, of several models on the same samples, with the true labels.\n\n"
      "probs: [models, samples, classes], float16 or float32 (float64 is rounded to float32), each row finite,\n"
      "not negative and summing to 1 within 1e-3 (float16: 1e-2). An array in C order, a memory map too, is\n"
      "kept as it is, without a copy: do not change it afterwards. labels: [samples], integers in [0, classes).\n"
      "names: [models], default \"0\", \"1\", ... Raises ValueError naming the model, the sample and the value.")
      .def(py::init(&from_array), py::arg("probs"), py::arg("labels"), py::arg("names") = py::none())
      .def_static(
          "from_votes", &from_votes, py::arg("classes"), py::arg("labels"), py::arg("confidence") = py::none(),
          py::arg("names") = py::none(),
          "Hard votes: classes [models, samples], integers >= 0, and where known each vote's confidence [models, samples]\n"
          "in [0, 1], else 1. There are as many classes as the highest vote or label plus one. As a row of scores, a\n"
          "vote is its confidence at the class voted for and 0 elsewhere.")
      .def_property_readonly(
          "probs", &probs_of,
          "[models, samples, classes], read-only: float16 or float32 without a copy where the models lie in one\n"
          "array; else, and for votes' scores, a new float32 array each time.")
      .def_property_readonly("labels", &labels_of, "[samples] int32, the true classes.")
      .def_property_readonly("names", &Predictions::names, "[models], what they are called.")
      .def_property_readonly("models", &Predictions::models, "Number of models.")
      .def_property_readonly("samples", &Predictions::samples, "Number of samples.")
      .def_property_readonly("classes", &Predictions::classes, "Number of classes.")
      .def_property_readonly("has_probabilities", &Predictions::has_probabilities, "False for hard votes.")
      .def("take", &take, py::arg("samples"),
           "The same models on the samples with these indices, in that order, repeats allowed; the arrays are copied.\n"
           "Raises ValueError for an index outside [0, samples).")
      .def("__repr__", [](const Predictions& predictions) {
        return message("Predictions(", predictions.models(), " models, ", predictions.samples(), " samples, ",
                       predictions.classes(), " classes", predictions.has_probabilities() ? ")" : ", votes)");
      });
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
    arrays[split] = {rows_at(array, 0), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1)),
                     owner_of(array)};
  }
  return arrays;
}

void register_library(py::module_& m) {
  register_predictions(m);

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
      .def("replace_model", &ModelLibrary::replace_model, py::arg("name"), py::arg("model"), py::arg("cost"), Release(),
           "Replaces a model's file, by a compiled version of it, say, and all of its costs, in one step on disk.")
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
