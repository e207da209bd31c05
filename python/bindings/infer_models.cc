// Models that are no files: Python callables and replayed ones.
#include <algorithm>

#include "core/message.h"
#include "infer.h"
#include "quorate/infer/replay.h"
#include "samples.h"

namespace quorate::python {
namespace {

// A model in Python. The GIL is held while it runs, so that others wait meanwhile, unless it lets go of it itself.
class PythonModel : public Backend {
 public:
  explicit PythonModel(py::object call)
      : call_(new py::object(std::move(call)), [](const py::object* held) {
          const py::gil_scoped_acquire gil;
          delete held;
        }) {}

  Scores run(const float* input, std::span<const std::int64_t> shape, const Device*) override {
    const py::gil_scoped_acquire gil;
    try {
      // What the model sees must not be written to: other models read it too.
      const py::array_t<float> batch(std::vector<py::ssize_t>(shape.begin(), shape.end()), input,
                                     py::capsule(input, [](void*) {}));
      batch.attr("setflags")(py::arg("write") = false);
      const py::array scores = as_float32((*call_)(batch), "its output");
      require_ndim(scores, 2, "its output", "[batch, classes]");
      return {static_cast<const float*>(scores.data()), static_cast<std::size_t>(scores.shape(0)),
              static_cast<std::size_t>(scores.shape(1)), owner_of(scores)};
    } catch (const py::error_already_set& error) {
      // Python's objects must not leave with the exception: they need the GIL to go.
      const std::string words = error.what();
      const bool memory = error.matches(PyExc_MemoryError);
      if (memory) throw OutOfMemory(words);
      throw DeviceError(words);
    }
  }

  std::int64_t weight_bytes() const override { return 0; }

 private:
  std::shared_ptr<const py::object> call_;
};

}  // namespace

std::shared_ptr<Backend> as_backend(const std::string& name, const py::object& model) {
  if (py::isinstance<Backend>(model)) return model.cast<std::shared_ptr<Backend>>();
  require(PyCallable_Check(model.ptr()) != 0, "models[\"", name, "\"] is ", py::repr(model).cast<std::string>(),
          ", but must be callable");
  return std::make_shared<PythonModel>(model);
}

void register_replay(py::module_& m) {
  py::class_<ReplayedDevices, std::shared_ptr<ReplayedDevices>>(
      m, "ReplayedDevices",
      "What replayed models that share it know of one another: which of them ran on a device last. A batch after one of "
      "another model takes longer by the profile's slowdown.")
      .def(py::init());
  py::class_<Backend, std::shared_ptr<Backend>>(m, "Replay",
                                                "A model that only takes the time that its profile says: for tests, and for "
                                                "measuring what an engine adds.")
      .def(py::init([](const Profile& profile, const std::string& model, const py::object& probs, const std::string& wait,
                       std::shared_ptr<ReplayedDevices> devices) {
             require(wait == "spin" || wait == "sleep", "wait is \"", wait, "\", but must be \"spin\" or \"sleep\"");
             py::array rows = as_float32(probs, "probs");
             require_ndim(rows, 2, "probs", "[rows, classes]");
             const auto* data = static_cast<const float*>(rows.data());
             const auto count = static_cast<std::size_t>(rows.shape(0)), classes = static_cast<std::size_t>(rows.shape(1));
             return replay(profile, model, {data, count, classes, owner_of(std::move(rows))},
                           wait == "spin" ? ReplayWait::kSpin : ReplayWait::kSleep, std::move(devices));
           }),
           py::arg("profile"), py::arg("model"), py::arg("probs"), py::arg("wait") = "spin", py::arg("devices") = py::none(),
           "probs: float32 [rows, classes]; a sample gets the row that its first feature names. wait: \"spin\" keeps the "
           "time "
           "to a microsecond on a core of its own, \"sleep\" leaves the core to others. devices: shared with the other "
           "models, so "
           "that they slow each other down; None: none does. Raises ValueError for a profile that "
           "lacks the model, no rows or no classes.")
      .def(
          "run",
          [](Backend& self, const py::object& x) {
            const Samples samples = as_samples(x, "x");
            require(samples.shape.size() >= 2 && std::ranges::min(samples.shape) >= 1, "x has shape [",
                    joined(samples.shape), "], but must be [samples, features...] with at least one sample");
            const Scores scores = [&] {
              const py::gil_scoped_release release;
              return run_checked(self, "replay", samples.data, samples.shape);
            }();
            return py::array_t<float>(std::vector<std::size_t>{scores.samples, scores.classes}, scores.data);
          },
          py::arg("x"), "One batch, without an engine: float32 [samples, classes].");
}

}  // namespace quorate::python
