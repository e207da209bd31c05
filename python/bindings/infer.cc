#include <pybind11/functional.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "bindings.h"
#include "core/message.h"
#include "quorate/infer/engine.h"
#include "quorate/infer/isolated.h"
#include "quorate/infer/measure.h"
#include "quorate/infer/replay.h"
#include "samples.h"

namespace quorate::python {
namespace {

// Waits without the GIL, but for `meanwhile` now and then; Ctrl-C ends the waiting, not the work.
bool wait(const Pending& pending, double timeout_s, const std::function<void()>& meanwhile = nullptr) {
  constexpr double kBetweenSignals_s = 0.1;
  for (;;) {
    {
      const py::gil_scoped_release release;
      if (pending.wait(std::min(timeout_s, kBetweenSignals_s))) return true;
    }
    timeout_s -= kBetweenSignals_s;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (timeout_s <= 0.0) return false;
    if (meanwhile) meanwhile();
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
  drop_left_arrays();
  return answer_of(pending);
}

std::shared_ptr<Answer> predict(Engine& engine, const py::object& x, std::optional<double> deadline_s,
                                const py::object& progress) {
  Samples samples = as_samples(x, "x");
  const py::object show = progress_from(progress, "PredictProgress", samples.shape.empty() ? 0 : samples.shape[0]);
  const Pending pending = [&] {
    const py::gil_scoped_release release;
    return engine.submit(std::move(samples), deadline_s.value_or(INFINITY));
  }();
  if (show.is_none()) return result(pending, std::nullopt);
  const bool entered = progress.is(py::bool_(true));
  const auto say = [&] {
    const std::size_t answered = [&] {
      const py::gil_scoped_release release;
      return pending.answered();
    }();
    show(answered);
  };
  if (entered) show.attr("__enter__")();
  std::exception_ptr error;
  try {
    wait(pending, INFINITY, say);
    say();
  } catch (...) {
    error = std::current_exception();
  }
  if (entered) show.attr("__exit__")(py::none(), py::none(), py::none());
  if (error) std::rethrow_exception(error);
  return result(pending, std::nullopt);
}

// Lanes let go of Python objects when a request ends, which takes the GIL: at exit they must be done before Python is. In a
// forked child only its own engines count: the others' lanes did not come with it.
class LiveEngines {
 public:
  // `number` is one that next() gave.
  void add(std::uint64_t number, const std::shared_ptr<Engine>& engine) {
    const std::lock_guard lock(mutex_);
    engines_[number] = {engine, ::getpid()};
  }
  void remove(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    engines_.erase(number);
    removed_.notify_all();
  }
  std::uint64_t next() {
    const std::lock_guard lock(mutex_);
    return next_++;
  }

  // Waits for engines that another thread is deleting, and for a while for threads that were given up.
  void close() {
    std::unique_lock lock(mutex_);
    std::vector<std::shared_ptr<Engine>> open;
    for (const auto& [number, live] : engines_)
      if (live.process == ::getpid()) open.push_back(live.engine.lock());
    lock.unlock();
    for (const auto& engine : open)
      if (engine) engine->close();
    open.clear();
    lock.lock();
    removed_.wait(lock, [&] {
      return std::ranges::none_of(
          engines_, [](const auto& entry) { return entry.second.process == ::getpid() && entry.second.engine.expired(); });
    });
    if (::getpid() != process_) return;
    constexpr int kMost_ms = 10'000;
    for (int waited = 0; waited < kMost_ms && Engine::threads() > 0; ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

 private:
  struct Live {
    std::weak_ptr<Engine> engine;
    pid_t process = 0;
  };

  const pid_t process_ = ::getpid();
  std::mutex mutex_;
  std::condition_variable removed_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, Live> engines_;
};

LiveEngines live_engines;

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

std::shared_ptr<Backend> as_backend(const std::string& name, const py::object& model) {
  if (py::isinstance<Backend>(model)) return model.cast<std::shared_ptr<Backend>>();
  require(PyCallable_Check(model.ptr()) != 0, "models[\"", name, "\"] is ", py::repr(model).cast<std::string>(),
          ", but must be callable");
  return std::make_shared<PythonModel>(model);
}

// This interpreter, with what it can import.
std::vector<std::string> worker_command() {
  const py::module_ sys = py::module_::import("sys");
  const auto path = py::repr(sys.attr("path")).cast<std::string>();
  return {sys.attr("executable").cast<std::string>(), "-c",
          "import sys; sys.path[:] = " + path + "; from quorate._infer import run_isolated_worker; run_isolated_worker()"};
}

using Models = std::map<std::string, py::object>;

template <class Committee>
std::shared_ptr<Engine> make_engine(const ModelLibrary& library, const Committee& committee, const Plan& plan, bool trust,
                                    const std::optional<std::vector<std::int64_t>>& features,
                                    const std::optional<Models>& models, bool isolate, std::size_t max_queue_samples,
                                    const std::string& when_full, double max_wait_s, bool degrade, int failures_in_a_row,
                                    double retry_after_s, const std::optional<double>& batch_timeout_s,
                                    const std::optional<Predictions>& held_out, const std::optional<Profile>& profile) {
  require(when_full == "wait" || when_full == "refuse", "when_full is \"", when_full,
          "\", but must be \"wait\" or \"refuse\"");
  EngineOptions options;
  options.trust = trust;
  options.features = features.value_or(std::vector<std::int64_t>{});
  if (isolate) options.worker = worker_command();
  options.max_queue_samples = max_queue_samples;
  options.refuse_when_full = when_full == "refuse";
  options.max_wait_s = max_wait_s;
  options.degrade = degrade;
  options.failures_in_a_row = failures_in_a_row;
  options.retry_after_s = retry_after_s;
  options.batch_timeout_s = batch_timeout_s.value_or(INFINITY);
  options.held_out = held_out;
  options.profile = profile;
  for (const auto& [name, model] : models.value_or(Models{})) options.backends[name] = as_backend(name, model);
  const py::gil_scoped_release release;
  // Its threads may be waiting for the GIL when it ends. Whoever lets go of it last may have the GIL or not.
  const std::uint64_t number = live_engines.next();
  const std::shared_ptr<Engine> engine(new Engine(library, committee, plan, options), [number](Engine* last) {
    if (PyGILState_Check() == 0) {
      delete last;
    } else {
      const py::gil_scoped_release without;
      delete last;
    }
    live_engines.remove(number);
  });
  live_engines.add(number, engine);
  return engine;
}

py::dict stats_of(const Engine& engine) {
  const EngineStats stats = [&] {
    const py::gil_scoped_release release;
    return engine.stats();
  }();
  py::dict models, devices;
  for (const EngineStats::Model& model : stats.models) {
    py::dict entry;
    entry["tier"] = model.tier;
    entry["samples"] = model.samples;
    entry["batches"] = model.batches;
    entry["failed_batches"] = model.failed_batches;
    entry["queued"] = model.queued;
    entry["seconds"] = model.seconds;
    entry["fill"] = model.fill;
    entry["aside"] = model.aside;
    models[py::str(model.name)] = entry;
  }
  for (const EngineStats::Lane& lane : stats.lanes) {
    py::dict entry, batch;
    for (std::size_t m = 0; m < lane.batch.size(); ++m) batch[py::str(stats.models[m].name)] = lane.batch[m];
    entry["samples"] = lane.samples;
    entry["batches"] = lane.batches;
    entry["busy_s"] = lane.busy_s;
    entry["busy_share"] = lane.busy_share;
    entry["batch"] = batch;
    entry["lost"] = lane.lost;
    devices[py::str(lane.device)] = entry;
  }
  py::list tiers;
  for (const EngineStats::Tier& tier : stats.tiers) {
    py::dict entry;
    entry["reached"] = tier.reached;
    entry["answered"] = tier.answered;
    entry["queued"] = tier.queued;
    tiers.append(entry);
  }
  py::dict all;
  all["uptime_s"] = stats.uptime_s;
  all["models"] = models;
  all["devices"] = devices;
  all["tiers"] = tiers;
  all["answered"] = stats.answered;
  all["answered_per_s"] = stats.answered_per_s;
  all["unanswered"] = stats.unanswered;
  all["requests"] = stats.requests;
  all["requests_ended"] = stats.requests_ended;
  all["requests_failed"] = stats.requests_failed;
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
      .def_property_readonly(
          "degraded",
          [](const py::object& self) {
            auto& answer = self.cast<Answer&>();
            const py::array_t<std::uint8_t> flags(static_cast<py::ssize_t>(answer.samples), answer.degraded.data(), self);
            return flags.attr("view")("bool");
          },
          "bool [samples]: answered without some member that should have been asked.")
      .def_readonly("lost", &Answer::lost, "The members that are missing from some sample's answer.")
      .def_readonly("foretold_accuracy", &Answer::foretold_accuracy,
                    "Accuracy of the committee without `lost` on the engine's held-out predictions; None unless degraded.")
      .def_readonly("latency_s", &Answer::latency_s, "Seconds from the call of submit() to the answer of the last sample.")
      .def("__repr__", [](const Answer& answer) {
        return message("Answer(samples=", answer.samples, ", classes=", answer.classes, ")");
      });

  py::class_<Pending>(m, "Pending", "An answer to come. It outlives its engine.")
      .def("done", &Pending::done, py::call_guard<py::gil_scoped_release>(),
           "True where the answer, or its failure, is there.")
      .def("answered", &Pending::answered, py::call_guard<py::gil_scoped_release>(), "Samples that have an answer so far.")
      .def("result", &result, py::arg("timeout") = py::none(),
           "Waits for the answer, for at most `timeout` seconds (None: as long as it takes; then TimeoutError). Raises "
           "DeviceError where models failed, DeadlineExceeded, Cancelled, Error where the engine was closed before.")
      .def("cancel", &Pending::cancel, py::call_guard<py::gil_scoped_release>(),
           "Takes the request out of the engine's queues: result() raises Cancelled. False where its end had come before.")
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
models: {name: model} to run instead of the library's files: callables that take float32 [batch, ...features], which they
must neither write to nor keep, and give float32 [batch, classes], or a Replay. The GIL is held while a callable runs.
isolate: run each model file in a process of its own on each device; one that dies, or takes longer than batch_timeout_s and
is killed for it, is a model that failed.

max_queue_samples: a request enters while fewer samples are without an answer; when_full: submit() waits for that ("wait") or
raises QueueFull ("refuse").
max_wait_s: a batch smaller than the plan's is run when its first sample has waited so long; 0: at once.

degrade: where a model fails, answer without it (see Answer.degraded); False: the request fails.
failures_in_a_row, retry_after_s: a model whose batches fail so often in a row, while others answer, is put aside for so long.
batch_timeout_s: a model that takes longer for a batch is put aside for good, and the device gets another thread.
held_out: Predictions with every member, by name, that Answer.foretold_accuracy is read off.
profile: what the plan was made from; with it the loss of a device leads to a new plan for those left.
docs/inferring.md tells what happens when.

Raises ValueError where these do not fit each other or this machine, FileError for a model file that is missing, damaged or
changed. A context manager: leaving it answers what is queued, or drops it after an exception.)";

template <class Committee, class Class>
void def_init(Class& engine) {
  engine.def(py::init(&make_engine<Committee>), py::arg("library"), py::arg("committee"), py::arg("plan"), py::kw_only(),
             py::arg("trust") = false, py::arg("features") = py::none(), py::arg("models") = py::none(),
             py::arg("isolate") = false, py::arg("max_queue_samples") = std::size_t{1} << 20, py::arg("when_full") = "wait",
             py::arg("max_wait_s") = 0.0, py::arg("degrade") = true, py::arg("failures_in_a_row") = 3,
             py::arg("retry_after_s") = 30.0, py::arg("batch_timeout_s") = py::none(), py::arg("held_out") = py::none(),
             py::arg("profile") = py::none());
}

void register_engine(py::module_& m) {
  py::class_<Engine, std::shared_ptr<Engine>> engine(m, "Engine", kEngine);
  def_init<Cascade>(engine);
  def_init<Ensemble>(engine);
  engine
      .def(
          "submit",
          [](Engine& self, const py::object& x, std::optional<double> deadline_s) {
            Samples samples = as_samples(x, "x");
            const py::gil_scoped_release release;
            return self.submit(std::move(samples), deadline_s.value_or(INFINITY));
          },
          py::arg("x"), py::arg("deadline_s") = py::none(),
          "Queues x, float32 [samples, ...features] (a NumPy array, a torch tensor or anything with __array__ or "
          "__dlpack__), "
          "and returns a Pending. x is read where it lies: do not change it before the answer is there. Raises ValueError "
          "for "
          "another type or shape, no samples, and values that are not finite. A request without an answer deadline_s "
          "seconds "
          "from now fails with DeadlineExceeded. Raises QueueFull with when_full=\"refuse\".")
      .def("predict", &predict, py::arg("x"), py::arg("deadline_s") = py::none(), py::kw_only(), py::arg("progress") = false,
           "The Answer for x: submit(x, deadline_s).result(). progress: True shows on stderr how many samples are answered, "
           "how many a second and the time left; a callable is called with the number that are answered, "
           "a few times a second and at the end, and ends the waiting where it raises.")
      .def(
          "close", [](Engine& self, bool drain) { self.close(drain); }, py::arg("drain") = true,
          py::call_guard<py::gil_scoped_release>(),
          "Takes no more samples, answers what is queued (or, with drain=False, makes it fail with Error), ends the "
          "threads.")
      .def("stats", &stats_of,
           "What it has done so far: {\"uptime_s\", \"answered\" and \"unanswered\" (samples), \"answered_per_s\", "
           "\"requests\", \"requests_ended\", \"requests_failed\", \"models\": {name: {\"tier\", \"samples\", \"batches\", "
           "\"failed_batches\", \"queued\", \"seconds\", \"fill\" (mean share of the largest batch), \"aside\" (why it is "
           "put "
           "aside now, or \"\")}}, \"devices\": {name: {\"samples\", \"batches\", \"busy_s\", \"busy_share\", \"batch\": "
           "{model: the largest now}, \"lost\" (why, or \"\")}}, \"tiers\": [{\"reached\", \"answered\", \"queued\"}]}.")
      .def("__enter__", [](const py::object& self) { return self; })
      .def("__exit__", [](Engine& self, const py::object& type, const py::object&, const py::object&) {
        const bool drain = type.is_none();
        const py::gil_scoped_release release;
        self.close(drain);
      });
}

void register_replay(py::module_& m) {
  py::class_<Backend, std::shared_ptr<Backend>>(m, "Replay",
                                                "A model that only takes the time that its profile says: for tests, and for "
                                                "measuring what an engine adds.")
      .def(
          py::init([](const Profile& profile, const std::string& model, const py::object& probs, const std::string& wait) {
            require(wait == "spin" || wait == "sleep", "wait is \"", wait, "\", but must be \"spin\" or \"sleep\"");
            py::array rows = as_float32(probs, "probs");
            require_ndim(rows, 2, "probs", "[rows, classes]");
            const auto* data = static_cast<const float*>(rows.data());
            const auto count = static_cast<std::size_t>(rows.shape(0)), classes = static_cast<std::size_t>(rows.shape(1));
            return replay(profile, model, {data, count, classes, owner_of(std::move(rows))},
                          wait == "spin" ? ReplayWait::kSpin : ReplayWait::kSleep);
          }),
          py::arg("profile"), py::arg("model"), py::arg("probs"), py::arg("wait") = "spin",
          "probs: float32 [rows, classes]; a sample gets the row that its first feature names. wait: \"spin\" keeps the "
          "time "
          "to a microsecond on a core of its own, \"sleep\" leaves the core to others. Raises ValueError for a profile that "
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

}  // namespace

void register_infer(py::module_& m) {
  const py::object error = py::module_::import("quorate._core").attr("Error");
  py::register_exception<QueueFull>(m, "QueueFull", error).doc() = "An engine takes no more samples now.";
  py::register_exception<DeadlineExceeded>(m, "DeadlineExceeded", error).doc() = "A request had no answer by its deadline.";
  py::register_exception<Cancelled>(m, "Cancelled", error).doc() = "A request was cancelled.";
  register_answer(m);
  register_replay(m);
  m.def(
      "run_isolated_worker", [] { run_isolated_worker(); }, py::call_guard<py::gil_scoped_release>(),
      "What the process of an isolated model does; an engine starts it.");
  register_engine(m);
  py::module_::import("atexit").attr("register")(py::cpp_function([] {
    {
      const py::gil_scoped_release release;
      live_engines.close();
    }
    drop_left_arrays();
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
