#include <pybind11/functional.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "bindings.h"
#include "core/message.h"
#include "quorate/infer/engine.h"
#include "quorate/infer/measure.h"

namespace quorate::python {
namespace {

// float32 in C order, read where it lies; an array in another order is copied.
py::array as_float32(const py::object& object, const std::string& name) {
  const py::module_ numpy = py::module_::import("numpy");
  const bool foreign = !py::hasattr(object, "__array__") && py::hasattr(object, "__dlpack__");
  const py::array array = numpy.attr(foreign ? "from_dlpack" : "asarray")(object);
  require(array.dtype().is(py::dtype::of<float>()) || array.dtype().equal(py::dtype::of<float>()), name, " has type ",
          py::str(array.dtype()).cast<std::string>(), ", but must be float32");
  return numpy.attr("ascontiguousarray")(array);
}

Samples as_samples(const py::object& object, const std::string& name) {
  py::array array = as_float32(object, name);
  const auto* data = static_cast<const float*>(array.data());
  std::vector<std::int64_t> shape(array.shape(), array.shape() + array.ndim());
  return {data, std::move(shape), owner_of(std::move(array))};
}

// Waits without the GIL; Ctrl-C ends the waiting, not the work.
bool wait(const Pending& pending, double timeout_s) {
  constexpr double kBetweenSignals_s = 0.1;
  for (;;) {
    {
      const py::gil_scoped_release release;
      if (pending.wait(std::min(timeout_s, kBetweenSignals_s))) return true;
    }
    timeout_s -= kBetweenSignals_s;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (timeout_s <= 0.0) return false;
  }
}

// Shares the pending answer's arrays.
std::shared_ptr<Answer> answer_of(const Pending& pending) {
  const Answer& answer = pending.get();
  return {std::make_shared<Pending>(pending), const_cast<Answer*>(&answer)};
}

std::shared_ptr<Answer> result(const Pending& pending, std::optional<double> timeout) {
  require(!timeout || !std::isnan(*timeout), "timeout is nan, but must be a number");
  if (!wait(pending, timeout.value_or(INFINITY))) {
    PyErr_SetString(PyExc_TimeoutError, message("no answer after ", *timeout, " s").c_str());
    throw py::error_already_set();
  }
  return answer_of(pending);
}

// Lanes let go of Python objects when a request ends, which takes the GIL: at exit they must be done before Python is. In a
// forked child only its own engines count: the others' lanes did not come with it.
class LiveEngines {
 public:
  void add(const std::shared_ptr<Engine>& engine) {
    const std::lock_guard lock(mutex_);
    std::erase_if(engines_, [](const auto& other) { return other.engine.expired(); });
    engines_.push_back({engine, ::getpid()});
  }
  void close() {
    const std::lock_guard lock(mutex_);
    for (const Live& live : engines_)
      if (const auto engine = live.process == ::getpid() ? live.engine.lock() : nullptr) engine->close();
  }

 private:
  struct Live {
    std::weak_ptr<Engine> engine;
    pid_t process;
  };

  std::mutex mutex_;
  std::vector<Live> engines_;
};

LiveEngines live_engines;

template <class Committee>
std::shared_ptr<Engine> make_engine(const ModelLibrary& library, const Committee& committee, const Plan& plan, bool trust,
                                    const std::optional<std::vector<std::int64_t>>& features,
                                    std::size_t max_queue_samples) {
  const py::gil_scoped_release release;
  const EngineOptions options{trust, features.value_or(std::vector<std::int64_t>{}), max_queue_samples};
  // Its threads may be waiting for the GIL when it ends.
  const std::shared_ptr<Engine> engine(new Engine(library, committee, plan, options), [](Engine* last) {
    const py::gil_scoped_release without;
    delete last;
  });
  live_engines.add(engine);
  return engine;
}

py::dict stats_of(const Engine& engine) {
  EngineStats stats;
  {
    const py::gil_scoped_release release;
    stats = engine.stats();
  }
  py::dict models, devices, all;
  for (const EngineStats::Model& model : stats.models) {
    py::dict entry;
    entry["samples"] = model.samples;
    entry["batches"] = model.batches;
    entry["seconds"] = model.seconds;
    entry["fill"] = model.fill;
    models[py::str(model.name)] = entry;
  }
  for (const EngineStats::Lane& lane : stats.lanes) devices[py::str(lane.device)] = lane.busy_s;
  all["models"] = models;
  all["busy_s"] = devices;
  all["reach"] = stats.reach;
  all["answered"] = stats.answered;
  return all;
}

Profile measure(const ModelLibrary& library, const std::vector<Device>& devices, const py::object& sample,
                const std::vector<int>& batch_sizes, const std::optional<std::vector<std::string>>& models, int warmup,
                int repeats, double timeout_s, bool trust, const std::optional<std::function<void(py::dict)>>& progress) {
  const Samples rows = as_samples(sample, "sample");
  MeasureOptions options{batch_sizes, models.value_or(std::vector<std::string>{}), warmup, repeats, timeout_s, trust,
                         nullptr};
  std::map<std::string, std::string> failures;  // by model, the last
  options.progress = [&](const Measurement& cell) {
    const py::gil_scoped_acquire gil;
    if (!cell.failure.empty()) failures[cell.model] = cell.failure;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress) return;
    py::dict entry;
    entry["kind"] = cell.kind;
    entry["model"] = cell.model;
    entry["batch"] = cell.batch;
    entry["latency_s"] = cell.latency_s;
    entry["memory_bytes"] = cell.memory_bytes;
    entry["weights_bytes"] = cell.weights_bytes;
    entry["failure"] = cell.failure;
    (*progress)(entry);
  };
  Profile profile;
  {
    const py::gil_scoped_release release;
    profile = measure_profile(library, devices, rows, options);
  }
  for (const auto& [model, failure] : failures)
    if (std::ranges::find(profile.models, model) == profile.models.end() &&
        PyErr_WarnEx(PyExc_RuntimeWarning, ("left out of the profile: " + failure).c_str(), 1) != 0)
      throw py::error_already_set();
  return profile;
}

void register_answer(py::module_& m) {
  py::class_<Answer, std::shared_ptr<Answer>>(m, "Answer", "What an engine says about some samples.")
      .def_property_readonly(
          "probs",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            return py::array_t<float>({answer.samples, answer.classes}, answer.probs.data(), self);
          },
          "float32 [samples, classes]: of the tier that answered; with combine=\"mean\" or \"majority\", of all asked.")
      .def_property_readonly(
          "tier",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            return py::array_t<std::int32_t>(static_cast<py::ssize_t>(answer.samples), answer.tier.data(), self);
          },
          "int32 [samples]: the tier that answered, from 0.")
      .def_property_readonly(
          "certainty",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            return py::array_t<double>(static_cast<py::ssize_t>(answer.samples), answer.certainty.data(), self);
          },
          "float64 [samples]: how sure that tier was, in [0, 1]. What a DriftMonitor observes beside the tier.")
      .def_property_readonly(
          "answer",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            return py::array_t<std::int32_t>(static_cast<py::ssize_t>(answer.samples), answer.answer.data(), self);
          },
          "int32 [samples]: the class.")
      .def("__repr__", [](const Answer& answer) {
        return message("Answer(samples=", answer.samples, ", classes=", answer.classes, ")");
      });

  py::class_<Pending>(m, "Pending", "An answer to come. It outlives its engine.")
      .def("done", &Pending::done, py::call_guard<py::gil_scoped_release>(),
           "True where the answer, or its failure, is there.")
      .def("result", &result, py::arg("timeout") = py::none(),
           "Waits for the answer, for at most `timeout` seconds (None: as long as it takes; then TimeoutError). Raises "
           "DeviceError where a model failed, Error where the engine was closed before.")
      .def("__repr__",
           [](const Pending& pending) { return message("Pending(done=", pending.done() ? "True" : "False", ")"); });
}

constexpr const char* kEngine = R"(Runs a committee where its plan put it.

One thread a device, pinned to its cores, takes batches of the model that is furthest behind; the samples that a tier is not
sure of go on to the next at once. The answers are those of `evaluate` on the models' own scores: same decisions, sums in
the same order, whatever the timing and the number of devices (a model may give a sample other last bits in a batch of
another size).

library: the ModelLibrary; its files are loaded only with the SHA-256 that it recorded, or with trust=True.
committee: an Ensemble or a Cascade, whose members are indices into library.names().
plan: a feasible Plan for CPU devices that are here; it must place every member.
features: shape of one sample; None: what a compiled model says, or else the first answered sample's.
max_queue_samples: submit() waits while as many samples are without an answer.

Raises ValueError where these do not fit each other or this machine, FileError for a model file that is missing, damaged or
changed. A context manager: leaving it answers what is queued, or drops it after an exception.)";

template <class Committee, class Class>
void def_init(Class& engine) {
  engine.def(py::init(&make_engine<Committee>), py::arg("library"), py::arg("committee"), py::arg("plan"), py::kw_only(),
             py::arg("trust") = false, py::arg("features") = py::none(),
             py::arg("max_queue_samples") = std::size_t{1} << 20);
}

void register_engine(py::module_& m) {
  py::class_<Engine, std::shared_ptr<Engine>> engine(m, "Engine", kEngine);
  def_init<Cascade>(engine);
  def_init<Ensemble>(engine);
  engine
      .def(
          "submit",
          [](Engine& self, const py::object& x) {
            Samples samples = as_samples(x, "x");
            const py::gil_scoped_release release;
            return self.submit(std::move(samples));
          },
          py::arg("x"),
          "Queues x, float32 [samples, ...features] (a NumPy array, a torch tensor or anything with __array__ or "
          "__dlpack__), "
          "and returns a Pending. x is read where it lies: do not change it before the answer is there. Raises ValueError "
          "for "
          "another type or shape, no samples, and values that are not finite.")
      .def(
          "predict",
          [](Engine& self, const py::object& x) {
            Samples samples = as_samples(x, "x");
            const Pending pending = [&] {
              const py::gil_scoped_release release;
              return self.submit(std::move(samples));
            }();
            return result(pending, std::nullopt);
          },
          py::arg("x"), "The Answer for x: submit(x).result().")
      .def(
          "close", [](Engine& self, bool drain) { self.close(drain); }, py::arg("drain") = true,
          py::call_guard<py::gil_scoped_release>(),
          "Takes no more samples, answers what is queued (or, with drain=False, makes it fail with Error), ends the "
          "threads.")
      .def(
          "stats", &stats_of,
          "What it has done so far: {\"models\": {name: {\"samples\", \"batches\", \"seconds\", \"fill\" (mean share of the "
          "planned batch)}}, \"busy_s\": {device: seconds}, \"reach\": [samples that each tier decided on], \"answered\": "
          "samples}.")
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](Engine& self, const py::object& type, const py::object&, const py::object&) {
        const bool drain = type.is_none();
        const py::gil_scoped_release release;
        self.close(drain);
      });
}

}  // namespace

void register_infer(py::module_& m) {
  register_answer(m);
  register_engine(m);
  py::module_::import("atexit").attr("register")(py::cpp_function([] {
    const py::gil_scoped_release release;
    live_engines.close();
  }));
  m.def("measure_profile", &measure, py::arg("library"), py::arg("devices"), py::arg("sample"), py::kw_only(),
        py::arg("batch_sizes") = std::vector<int>{1, 8, 32}, py::arg("models") = py::none(), py::arg("warmup") = 3,
        py::arg("repeats") = 9, py::arg("timeout_s") = INFINITY, py::arg("trust") = false, py::arg("progress") = py::none(),
        R"(A Profile by running the models on this machine.

library: the ModelLibrary that holds the model files. models: names, in the profile's order; None: all.
devices: from cpu_devices(); the first of each kind is measured, by a thread that is pinned to it.
sample: float32 [samples, ...features]; its rows are repeated to fill a batch. batch_sizes: ascending.
Latencies are medians over `repeats` runs of a whole batch after `warmup` runs. Memory is a model's weights plus the most
that one run had allocated at once from Torch's CPU allocator (its output included, its input not; code and other libraries'
own memory not). A model that fails at a batch size, or of which a run took longer than timeout_s there, has latency inf there
(after a run that was too slow larger batches are not tried); one that fails at every batch size is left out of the profile, with a
RuntimeWarning that says why.
progress: called with {"kind", "model", "batch", "latency_s", "memory_bytes", "weights_bytes", "failure"} after each.

Raises ValueError for a model without a file, batch sizes that do not ascend or devices that are not here, FileError for a
file that is missing, damaged or changed, DeviceError where no model remains.)");
}

}  // namespace quorate::python
