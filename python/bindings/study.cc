#include "quorate/search/study.h"

#include "core/message.h"
#include "search.h"

namespace quorate::python {
namespace {

std::string text_of(const py::handle& object) { return py::repr(object).cast<std::string>(); }

// Calls a Python training function on a C++ thread.
Train python_train(const py::object& train) {
  return [&train](TrialJob& job) {
    const py::gil_scoped_acquire gil;
    try {
      train(job);
    } catch (const py::error_already_set& error) {
      if (error.matches(py::module_::import("quorate._core").attr("StudyStopped"))) throw StudyStopped();
      throw std::runtime_error(error.what());  // the text only: the exception must not outlive the interpreter's lock
    }
  };
}

// The executor's callable for a job, which has to be closed at the end; None for threads.
py::object pool_of(const py::object& executor, const py::object& train, const Study& study) {
  if (!py::isinstance<py::str>(executor)) {
    require(py::hasattr(executor, "pool"), "executor is ", text_of(executor),
            ", but must be \"threads\", \"processes\" or an executor such as quorate.ray.Executor()");
    return executor.attr("pool")(train);
  }
  const auto name = executor.cast<std::string>();
  require(name == "threads" || name == "processes", "executor is \"", name, "\", but must be \"threads\" or \"processes\"");
  if (name == "threads") return py::none();
  return py::module_::import("quorate.workers").attr("ProcessPool")(train, study.options().lease_s);
}

void run(const py::object& self, py::object train, std::int64_t trials, int workers, const py::object& executor,
         const std::vector<Device>& devices, const py::object& sampler, py::object progress) {
  auto& study = self.cast<Study&>();
  require(PyCallable_Check(train.ptr()) != 0, "train is ", text_of(train), ", but must be callable");
  require(trials >= 0, "trials is ", trials, ", but must be at least 0");
  require(workers >= 1, "workers is ", workers, ", but must be at least 1");
  require(sampler.is_none() || py::hasattr(sampler, "propose"), "sampler is ", text_of(sampler),
          ", but must have a method propose(study, trial), as quorate.optuna.Sampler does");
  const bool shown = progress.is(py::bool_(true));
  progress = progress_from(progress, "StudyProgress", trials);

  RunOptions options{.trials = trials, .workers = workers};
  options.devices = devices;
  if (!progress.is_none())
    options.on_progress = [&progress](const Progress& value) {
      const py::gil_scoped_acquire gil;
      progress(value);
    };
  // Ctrl-C reaches Python's main thread only while it runs Python code, which it does not during run().
  options.should_stop = [] {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    return false;
  };
  if (!sampler.is_none())
    options.propose = [&](std::int64_t trial) {
      const py::gil_scoped_acquire gil;
      const py::object proposal = sampler.attr("propose")(self, trial);
      require(py::isinstance<py::dict>(proposal), "the sampler proposed ", text_of(proposal),
              ", but must propose a dictionary {name: value}");
      return config_from(proposal, study.space());
    };

  require(devices.empty() || py::isinstance<py::str>(executor), "devices has ", devices.size(),
          " devices, but must be empty where the executor gives workers theirs, as ", text_of(executor), " does");
  const py::object pool = pool_of(executor, train, study);
  if (!pool.is_none()) train = pool;
  if (shown) progress.attr("__enter__")();
  std::exception_ptr error;
  {
    const py::gil_scoped_release release;
    try {
      study.run(python_train(train), options);
    } catch (...) {
      error = std::current_exception();  // Ctrl-C among them: the processes have to end first
    }
  }
  if (shown) progress.attr("__exit__")(py::none(), py::none(), py::none());
  if (!pool.is_none()) pool.attr("close")();
  if (error) std::rethrow_exception(error);
}

StudyOptions options_from(int max_attempts, const std::string& durability, double lease_s, const std::string& keep,
                          std::optional<std::int64_t> checkpoint_bytes, std::optional<std::int64_t> library_bytes) {
  StudyOptions options;
  options.max_attempts = max_attempts;
  options.durability = durability_from(durability);
  options.lease_s = lease_s;
  options.keep = keep_from(keep);
  options.checkpoint_bytes = checkpoint_bytes;
  options.library_bytes = library_bytes;
  return options;
}

Study make(const std::filesystem::path& folder, const py::dict& space, std::int64_t min_resource, std::int64_t max_resource,
           double eta, const std::string& mode, std::uint64_t seed, const std::string& sampling, std::optional<int> brackets,
           const std::vector<std::string>& objectives, int max_attempts, const std::string& durability, double lease_s,
           const std::string& keep, std::optional<std::int64_t> checkpoint_bytes,
           std::optional<std::int64_t> library_bytes) {
  const Space parameters = space_from(space);
  StudyOptions options = options_from(max_attempts, durability, lease_s, keep, checkpoint_bytes, library_bytes);
  options.hyperband = {min_resource, max_resource, eta, mode_from(mode), seed, sampling_from(sampling)};
  options.hyperband.brackets = brackets_from(brackets);
  options.objectives = objectives;
  const py::gil_scoped_release release;
  return Study(folder, parameters, options);
}

Study open(const std::filesystem::path& folder, int max_attempts, const std::string& durability, double lease_s,
           const std::string& keep, std::optional<std::int64_t> checkpoint_bytes,
           std::optional<std::int64_t> library_bytes) {
  const StudyOptions options = options_from(max_attempts, durability, lease_s, keep, checkpoint_bytes, library_bytes);
  const py::gil_scoped_release release;
  return Study(folder, options);
}

void register_options(py::class_<Study>& study) {
  study
      .def_property_readonly(
          "space", [](const Study& self) { return to_dict(self.space()); }, "{name: parameter}.")
      .def_property_readonly("rungs", &Study::rungs, "Resources, ascending.")
      .def_property_readonly("min_resource", [](const Study& self) { return self.options().hyperband.min_resource; })
      .def_property_readonly("max_resource", [](const Study& self) { return self.options().hyperband.max_resource; })
      .def_property_readonly("eta", [](const Study& self) { return self.options().hyperband.eta; })
      .def_property_readonly("mode", [](const Study& self) { return to_text(self.options().hyperband.mode); })
      .def_property_readonly("seed", [](const Study& self) { return self.options().hyperband.seed; })
      .def_property_readonly("sampling", [](const Study& self) { return to_text(self.options().hyperband.sampling); })
      .def_property_readonly("brackets",
                             [](const Study& self) -> std::optional<int> {
                               const int brackets = self.options().hyperband.brackets;
                               return brackets == 0 ? std::nullopt : std::optional(brackets);
                             })
      .def_property_readonly("objectives", [](const Study& self) { return self.options().objectives; })
      .def_property_readonly("max_attempts", [](const Study& self) { return self.options().max_attempts; })
      .def_property_readonly("durability", [](const Study& self) { return to_text(self.options().durability); })
      .def_property_readonly("lease_s", [](const Study& self) { return self.options().lease_s; })
      .def_property_readonly("keep", [](const Study& self) { return to_text(self.options().keep); })
      .def_property_readonly("checkpoint_bytes", [](const Study& self) { return self.options().checkpoint_bytes; })
      .def_property_readonly("library_bytes", [](const Study& self) { return self.options().library_bytes; });
}

}  // namespace

void register_study(py::module_& m) {
  register_trials(m);

  using Release = py::call_guard<py::gil_scoped_release>;
  const std::optional<std::int64_t> unbounded;
  py::class_<Study> study(
      m, "Study",
      "A search by AsyncHyperband that survives its process: the same line goes on with it.\n\n"
      "folder: gets study.db, library/, checkpoints/ and study.lock; made where it is missing. space, min_resource,\n"
      "max_resource, eta, mode, seed, sampling, brackets are AsyncHyperband's; objectives: names of what a report says, all "
      "to be\n"
      "minimised. These must be those that the study was made with; the others may change.\n"
      "max_attempts: how often a job may fail before its trial has. durability: \"process\": what was acknowledged survives "
      "a\n"
      "kill of the process (SQLite WAL, synchronous=NORMAL); \"power\": a power cut too (FULL; those that wait at the same\n"
      "time share a sync). lease_s: how long a job of ask() or of a worker process is held without a sign of life. keep:\n"
      "\"rungs\": every model that add_model was given, \"last\": each trial's newest. checkpoint_bytes, library_bytes: "
      "bounds;\n"
      "the checkpoints least likely to be needed go first, and the models that others beat in loss, every cost and\n"
      "diversity. Raises ValueError naming the first difference to a study that is there, FileError where it is open\n"
      "elsewhere, truncated or malformed; files are then left as they were.");
  study
      .def(py::init(&make), py::arg("folder"), py::arg("space"), py::arg("min_resource") = 1, py::arg("max_resource") = 27,
           py::arg("eta") = 3.0, py::arg("mode") = "promote", py::arg("seed") = 0, py::arg("sampling") = "random",
           py::arg("brackets") = py::none(), py::arg("objectives") = std::vector<std::string>{"loss"},
           py::arg("max_attempts") = 2, py::arg("durability") = "process", py::arg("lease_s") = 60.0,
           py::arg("keep") = "rungs", py::arg("checkpoint_bytes") = unbounded, py::arg("library_bytes") = unbounded)
      .def_static("open", &open, py::arg("folder"), py::arg("max_attempts") = 2, py::arg("durability") = "process",
                  py::arg("lease_s") = 60.0, py::arg("keep") = "rungs", py::arg("checkpoint_bytes") = unbounded,
                  py::arg("library_bytes") = unbounded,
                  "Goes on with the study that is there, whatever it was made with. Raises FileError where there is none.")
      .def("run", &run, py::arg("train"), py::arg("trials") = 100, py::arg("workers") = 1, py::arg("executor") = "threads",
           py::arg("devices") = std::vector<Device>{}, py::arg("sampler") = py::none(), py::arg("progress") = py::none(),
           "Calls train(job) until the study has `trials` trials and none waits, runs or can be promoted; returns at once\n"
           "where that is so already.\n\n"
           "executor=\"threads\": `workers` threads. executor=\"processes\": as many spawned processes, for which train "
           "must be\n"
           "importable; one that dies, or gives no sign of life for lease_s, is a failed attempt and is replaced.\n"
           "quorate.ray.Executor(): a Ray cluster. A train that raises, or returns before it reported to_resource, failed:\n"
           "the job is tried again from its last checkpoint, up to max_attempts. devices: worker i trains on\n"
           "devices[i % len(devices)], see job.device and job.device_share. sampler: chooses new trials' configurations,\n"
           "see quorate.optuna.Sampler. progress: True for a line on stderr, or called with a Progress at most ten times a\n"
           "second. Ctrl-C stops threads at their next report and ends processes, then raises KeyboardInterrupt; the study\n"
           "can go on later. Raises FileError where the database cannot be written.")
      .def(
          "ask",
          [](Study& self, std::int64_t trials, const std::string& request) {
            return self.ask({trials, request});
          },
          py::arg("trials") = 100, py::arg("request") = "", Release(),
          "A TrialJob for a worker that is none of run()'s, held by a lease of lease_s that every report and heartbeat "
          "begins\n"
          "anew; end it with tell, fail or release. trials: how many the study shall have in all. request: a name unique "
          "to\n"
          "this request; asked again under it, it is the same attempt. None: nothing to hand out now, or ever where "
          "finished.")
      .def("attempt", &Study::attempt, py::arg("token"), Release(),
           "The TrialJob of this token, over or not. Raises ValueError for a token that was never handed out.")
      .def("finished", &Study::finished, py::arg("trials"), Release(),
           "Whether the study has `trials` trials and nobody waits, runs or can be promoted.")
      .def(
          "enqueue", [](Study& self, const py::dict& config) { self.enqueue(config_from(config, self.space())); },
          py::arg("config"), "The next new trial takes this configuration, {name: value}. On record when it returns.")
      .def("trials", &Study::trials, Release(), "A list of Trial, by number.")
      .def(
          "trials_dataframe",
          [](const py::object& self) { return py::module_::import("quorate.frames").attr("trials_dataframe")(self); },
          "One row a trial, as a pandas.DataFrame; see quorate.frames.trials_dataframe. Needs pandas.")
      .def("best", &Study::best, Release(),
           "Of the trials that have not failed: at the highest resource where any has a finite loss, the one with the\n"
           "lowest; ties to the earlier. None where there is none.")
      .def("progress", &Study::progress, Release(), "A Progress; elapsed_s is 0.")
      .def_property_readonly("library", &Study::library, "The ModelLibrary in folder/library.")
      .def_property_readonly("folder", &Study::folder, "Where it lives.")
      .def("__repr__", [](const Study& self) {
        return message("Study(\"", self.folder().string(), "\", ", self.progress().trials, " trials, rungs=[",
                       joined(self.rungs()), "])");
      });
  register_options(study);
}

}  // namespace quorate::python
