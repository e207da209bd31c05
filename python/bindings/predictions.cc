#include "quorate/library/predictions.h"

#include "bindings.h"
#include "core/message.h"

namespace quorate::python {
namespace {

Predictions from_array(const py::object& probs, const py::object& labels,
                       const std::optional<std::vector<std::string>>& names) {
  const py::array array = as_scores(probs, "probs");
  require_ndim(array, 3, "probs", "[models, samples, classes]");
  const auto samples = static_cast<std::size_t>(array.shape(1));
  const auto classes = static_cast<std::size_t>(array.shape(2));
  std::vector<Predictions::Model> models = models_of(array, static_cast<std::size_t>(array.shape(0)));
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

Predictions with_certainty(const Predictions& self, const py::object& certainty) {
  const py::array_t<float, py::array::c_style | py::array::forcecast> array = as_scores(certainty, "certainty");
  require_ndim(array, 2, "certainty", "[models, samples]");
  return self.with_certainty(
      {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))});
}

// Any real numbers as float32 in C order.
py::array_t<float> as_targets(const py::object& object) {
  const py::array array = py::array::ensure(object);
  if (!array) PyErr_Clear();
  const char kind = array ? array.dtype().kind() : 'O';
  require(kind == 'f' || kind == 'i' || kind == 'u', "targets has type ",
          array ? py::str(array.dtype()).cast<std::string>() : "(not an array)", ", but must be of real numbers");
  require(array.ndim() == 1 || array.ndim() == 2, "targets has shape ", shape_text(array),
          ", but must be [samples, outputs], or [samples] for one output");
  return py::array_t<float, py::array::c_style | py::array::forcecast>::ensure(array);
}

Predictions from_values(const py::object& values, const py::object& targets,
                        const std::optional<std::vector<std::string>>& names) {
  const py::array array = as_scores(values, "values");
  require(array.ndim() == 2 || array.ndim() == 3, "values has shape ", shape_text(array),
          ", but must be [models, samples, outputs], or [models, samples] for one output");
  const auto outputs_of = [](const py::array& of, py::ssize_t axis) { return of.ndim() > axis ? of.shape(axis) : 1; };
  const py::array_t<float> truth = as_targets(targets);
  require(truth.shape(0) == array.shape(1) && outputs_of(truth, 1) == outputs_of(array, 2), "targets has shape ",
          shape_text(truth), ", but must be [", array.shape(1), ", ", outputs_of(array, 2),
          "]: the samples and outputs of values, whose shape is ", shape_text(array));
  const MatrixView<const float> view{truth.data(), static_cast<std::size_t>(truth.shape(0)),
                                     static_cast<std::size_t>(outputs_of(truth, 1))};
  std::vector<Predictions::Model> models = models_of(array, static_cast<std::size_t>(array.shape(0)));

  const py::gil_scoped_release release;
  return Predictions::from_values(std::move(models), view, names.value_or(std::vector<std::string>{}));
}

// The file behind a NumPy memory map, or a part of one.
std::optional<MappedFile> file_of(const py::array& array) {
  py::object base = array;
  while (py::isinstance<py::array>(base)) base = base.attr("base");
  if (!py::isinstance(base, py::module_::import("mmap").attr("mmap"))) return std::nullopt;
  return MappedFile::around(array.data(), static_cast<std::size_t>(array.nbytes()));
}

py::array read_only(py::array array) {
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

const void* address(const Predictions::Model& model) {
  return std::visit([](const auto* data) -> const void* { return data; }, model.data);
}

// Whether the models' arrays follow each other in one allocation, so that they are one array already.
bool is_one_array(const Predictions& predictions) {
  const Predictions::Model& first = predictions.raw(0);
  const std::size_t item = std::holds_alternative<const Half*>(first.data) ? sizeof(Half) : sizeof(float);
  const std::size_t model_bytes = predictions.samples() * predictions.classes() * item;
  for (std::size_t m = 1; m < predictions.models(); ++m) {
    const Predictions::Model& model = predictions.raw(m);
    if (model.data.index() != first.data.index() || model.owner.get() != first.owner.get() ||
        address(model) != static_cast<const char*>(address(first)) + m * model_bytes)
      return false;
  }
  return true;
}

py::array scores_of(const Predictions& predictions) {
  const std::size_t models = predictions.models(), samples = predictions.samples(), classes = predictions.classes();
  const std::vector<std::size_t> shape{models, samples, classes};
  if ((predictions.has_probabilities() || predictions.has_values()) && is_one_array(predictions)) {
    const Predictions::Model& first = predictions.raw(0);
    const bool half = std::holds_alternative<const Half*>(first.data);
    const py::capsule keeper(new std::shared_ptr<const void>(first.owner),
                             [](void* owner) { delete static_cast<std::shared_ptr<const void>*>(owner); });
    return read_only(py::array(py::dtype(half ? "float16" : "float32"), shape, address(first), keeper));
  }
  py::array_t<float> stacked(shape);
  float* out = stacked.mutable_data();
  {
    const py::gil_scoped_release release;
    for (std::size_t m = 0; m < models; ++m) predictions.read(m, 0, samples, out + m * samples * classes);
  }
  return read_only(stacked);
}

py::array probs_of(const Predictions& predictions) {
  require(!predictions.has_values(), "these predictions hold values, but probs is of classes: use .values");
  return scores_of(predictions);
}

py::array values_of(const Predictions& predictions) {
  require(predictions.has_values(), "these predictions hold classes, but values is of regression: use .probs");
  return scores_of(predictions);
}

py::array labels_of(const Predictions& predictions) {
  return read_only(
      py::array_t<std::int32_t>(static_cast<py::ssize_t>(predictions.labels().size()), predictions.labels().data()));
}

py::array targets_of(const Predictions& predictions) {
  const std::span<const float> targets = predictions.targets();
  const std::size_t rows = predictions.has_values() ? predictions.samples() : 0;
  return read_only(py::array_t<float>({rows, rows > 0 ? predictions.classes() : 0}, targets.data()));
}

std::string describe(const Predictions& predictions) {
  const std::string kind = predictions.has_values()          ? " outputs, values)"
                           : predictions.has_probabilities() ? " classes)"
                                                             : " classes, votes)";
  return message("Predictions(", predictions.models(), " models, ", predictions.samples(), " samples, ",
                 predictions.classes(), kind);
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

}  // namespace

std::vector<Predictions::Model> models_of(const py::array& array, std::size_t models) {
  const std::shared_ptr<const void> owner = owner_of(array);
  const std::optional<MappedFile> file = file_of(array);
  const std::size_t numbers = models > 0 ? static_cast<std::size_t>(array.size()) / models : 0;
  std::vector<Predictions::Model> result;
  for (std::size_t m = 0; m < models; ++m) {
    if (array.itemsize() == sizeof(Half))
      result.push_back({static_cast<const Half*>(array.data()) + m * numbers, owner, file});
    else
      result.push_back({static_cast<const float*>(array.data()) + m * numbers, owner, file});
  }
  return result;
}

void register_predictions(py::module_& m) {
  py::class_<Predictions>(
      m, "Predictions",
      "Class probabilities, hard votes, or values (regression), of several models on the same samples, with the\n"
      "truth.\n\n"
      "probs: [models, samples, classes], float16 or float32 (float64 is rounded to float32), each row finite,\n"
      "not negative and summing to 1 within 1e-3 (float16: 1e-2). An array in C order is kept as it is, without a\n"
      "copy: do not change it afterwards. A memory map is read piece by piece, so that it may be larger than memory; where\n"
      "its file is truncated while it is in use, whatever reads raises FileError. labels: [samples], integers in\n"
      "[0, classes). names: [models], default \"0\", \"1\", ... Raises ValueError naming the model, the sample and the\n"
      "value.")
      .def(py::init(&from_array), py::arg("probs"), py::arg("labels"), py::arg("names") = py::none())
      .def_static(
          "from_votes", &from_votes, py::arg("classes"), py::arg("labels"), py::arg("confidence") = py::none(),
          py::arg("names") = py::none(),
          "Hard votes: classes [models, samples], integers >= 0, and where known each vote's confidence [models, samples]\n"
          "in [0, 1], else 1. There are as many classes as the highest vote or label plus one. As a row of scores, a\n"
          "vote is its confidence at the class voted for and 0 elsewhere.")
      .def_static(
          "from_values", &from_values, py::arg("values"), py::arg("targets"), py::arg("names") = py::none(),
          "Regression: values [models, samples, outputs], or [models, samples] for one output, float16 or float32 (float64 "
          "is\n"
          "rounded to float32), kept without a copy as probs are; targets [samples, outputs] or [samples], real numbers, "
          "rounded\n"
          "to float32. All finite, else ValueError naming the model, the sample and the value. `classes` is the number of\n"
          "outputs.")
      .def_property_readonly(
          "probs", &probs_of,
          "[models, samples, classes], read-only: float16 or float32 without a copy where the models lie in one\n"
          "array; else, and for votes' scores, a new float32 array each time. ValueError for values.")
      .def_property_readonly("values", &values_of,
                             "[models, samples, outputs], read-only, as probs; ValueError for predictions of classes.")
      .def_property_readonly("labels", &labels_of, "[samples] int32, the true classes; empty for values.")
      .def_property_readonly("targets", &targets_of, "[samples, outputs] float32, the true values; empty for classes.")
      .def_property_readonly("names", &Predictions::names, "[models], what they are called.")
      .def_property_readonly("models", &Predictions::models, "Number of models.")
      .def_property_readonly("samples", &Predictions::samples, "Number of samples.")
      .def_property_readonly("classes", &Predictions::classes, "Number of classes; of values, of outputs.")
      .def_property_readonly("has_probabilities", &Predictions::has_probabilities, "False for hard votes and for values.")
      .def_property_readonly("has_values", &Predictions::has_values, "Whether these are of regression.")
      .def("as_votes", &Predictions::as_votes, py::call_guard<py::gil_scoped_release>(),
           "The same models as hard votes: each model's answer, its class of highest score (ties: the lowest class), with\n"
           "confidence 1. Raises ValueError for values.")
      .def("with_certainty", &with_certainty, py::arg("certainty"),
           "The same models with what you say of how certain each is of each sample: certainty [models, samples], float16 "
           "or\nfloat32 in [0, 1]. For find_cascades(signal=\"given\"). Raises ValueError naming the model, the sample and "
           "the value.")
      .def_property_readonly("has_certainty", &Predictions::has_certainty, "Whether they are from with_certainty.")
      .def("take", &take, py::arg("samples"),
           "The same models on the samples with these indices, in that order, repeats allowed; the arrays are copied.\n"
           "Raises ValueError for an index outside [0, samples).")
      .def("__repr__", &describe);
}

}  // namespace quorate::python
