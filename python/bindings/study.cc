#include "quorate/search/study.h"

#include "core/message.h"
#include "search.h"

namespace quorate::python {
namespace {

py::object optional_path(const std::optional<std::filesystem::path>& path) { return path ? py::cast(*path) : py::none(); }

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

void run(Study& study, py::object train, std::int64_t trials, int workers, const std::string& executor,
         const py::object& progress) {
  require(PyCallable_Check(train.ptr()) != 0, "train is ", py::repr(train).cast<std::string>(), ", but must be callable");
  require(executor == "threads" || executor == "processes", "executor is \"", executor,
          "\", but must be \"threads\" or \"processes\"");
  require(trials >= 0, "trials is ", trials, ", but must be at least 0");
  require(workers >= 1, "workers is ", workers, ", but must be at least 1");

  py::object pool = py::none();
  if (executor == "processes") train = pool = py::module_::import("quorate.workers").attr("ProcessPool")(train);
  RunOptions options{.trials = trials, .workers = workers};
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
  std::exception_ptr error;
  {
    const py::gil_scoped_release release;
    try {
      study.run(python_train(train), options);
    } catch (...) {
      error = std::current_exception();  // Ctrl-C among them: the processes have to end first
    }
  }
  if (!pool.is_none()) pool.attr("close")();
  if (error) std::rethrow_exception(error);
}

std::string add_model(TrialJob& job, const std::map<std::string, py::object>& predictions,
                      const std::map<std::string, double>& cost, const std::optional<std::filesystem::path>& model,
                      const std::map<std::string, std::string>& about) {
  const std::map<std::string, ModelLibrary::Array> arrays = as_model_arrays(predictions);
  const py::gil_scoped_release release;
  return job.add_model(arrays, cost, model.value_or(""), about);
}

void save_checkpoint(TrialJob& job, const py::buffer& data) {
  const py::buffer_info info = data.request();
  require(PyBuffer_IsContiguous(info.view(), 'C') != 0, "data is not contiguous, but must be bytes or a contiguous buffer");
  const std::string_view bytes(static_cast<const char*>(info.ptr), static_cast<std::size_t>(info.size * info.itemsize));
  const py::gil_scoped_release release;
  job.save_checkpoint(bytes);
}

void register_trial(py::module_& m) {
  py::class_<Trial>(m, "Trial", "What a study knows of one trial.")
      .def_readonly("number", &Trial::number, "0, 1, 2 ... in the order in which trials were first handed out.")
      .def_property_readonly(
          "config", [](const Trial& trial) { return to_dict(trial.config); }, "{name: value}.")
      .def_property_readonly(
          "state", [](const Trial& trial) { return std::string(to_text(trial.state)); },
          "\"running\"; \"waiting\" to go on with a job that was interrupted or failed; \"paused\" at a\n"
          "rung; \"completed\" at max_resource; \"stopped\" at a rung; or \"failed\".")
      .def_readonly("bracket", &Trial::bracket, "Leaves out that many of the lowest rungs.")
      .def_readonly("losses", &Trial::losses, "{resource: loss}, as acknowledged, ascending.")
      .def_readonly("attempts", &Trial::attempts, "How often it was handed out, over all rungs.")
      .def_readonly("message", &Trial::message, "Why it failed last, or could not go on from its checkpoint; else empty.")
      .def(
          "to_json", [](const Trial& trial) { return to_json(trial); }, "A JSON object with these fields.")
      .def("__repr__", [](const Trial& trial) {
        return message("Trial(number=", trial.number, ", state=\"", to_text(trial.state), "\", ", trial.losses.size(),
                       " losses)");
      });
}

void register_progress(py::module_& m) {
  py::class_<Progress>(m, "Progress", "How far a study is.")
      .def_readonly("trials", &Progress::trials, "How many were handed out.")
      .def_property_readonly(
          "states",
          [](const Progress& progress) {
            std::map<std::string, std::int64_t> states;
            for (const auto& [state, count] : progress.states) states[std::string(to_text(state))] = count;
            return states;
          },
          "{state: number of trials}; states without one are absent.")
      .def_property_readonly(
          "rungs",
          [](const Progress& progress) {
            std::map<std::int64_t, std::int64_t> rungs;
            for (const Progress::Rung& rung : progress.rungs) rungs[rung.resource] = rung.losses;
            return rungs;
          },
          "{resource: number of losses there, over all brackets}, ascending.")
      .def_readonly("best_trial", &Progress::best_trial, "As Study.best(); None where no loss is finite.")
      .def_readonly("best_resource", &Progress::best_resource, "Where best_loss was measured.")
      .def_readonly("best_loss", &Progress::best_loss, "The best trial's loss there.")
      .def_readonly("elapsed_s", &Progress::elapsed_s, "Since this run began.")
      .def("__repr__", [](const Progress& progress) {
        std::vector<std::string> parts{message(progress.trials, " trials")};
        for (const auto& [state, count] : progress.states) parts.push_back(message(count, " ", to_text(state)));
        if (progress.best_trial) parts.push_back(message("best ", progress.best_loss, " at ", progress.best_resource));
        return "Progress(" + joined(parts) + message(", ", progress.elapsed_s, " s)");
      });
}

void register_trial_job(py::module_& m) {
  using Release = py::call_guard<py::gil_scoped_release>;
  const auto stopped = py::register_exception<StudyStopped>(m, "StudyStopped", PyExc_BaseException);
  stopped.attr("__doc__") =
      "Raised in a training function by what it calls on its job, once its run was told to stop. Let it pass: the attempt\n"
      "does not count as failed and is handed out again.";

  py::class_<TrialJob>(
      m, "TrialJob",
      "One attempt at a job, in the hands of a training function: train `config` from `checkpoint_resource` to\n"
      "`to_resource`. After the function is back, what would change the study raises ValueError.")
      .def_property_readonly("trial", &TrialJob::trial, "The trial's number.")
      .def_property_readonly(
          "config", [](const TrialJob& job) { return to_dict(job.config()); }, "{name: value}.")
      .def_property_readonly("bracket", &TrialJob::bracket, "Leaves out that many of the lowest rungs.")
      .def_property_readonly("rung", &TrialJob::rung, "Where the job ends: rungs[rung] == to_resource.")
      .def_property_readonly("from_resource", &TrialJob::from_resource, "The rung that the trial was paused at, or 0.")
      .def_property_readonly("to_resource", &TrialJob::to_resource, "How far to train.")
      .def_property_readonly("attempt", &TrialJob::attempt, "1, 2 ...: over all jobs of the trial.")
      .def_property_readonly("seed", &TrialJob::seed,
                             "Of the trial, below 2**32: from the study's seed and its number alone.")
      .def_property_readonly(
          "checkpoint", [](const TrialJob& job) { return optional_path(job.checkpoint()); },
          "Path of the last checkpoint that is whole (its SHA-256 was verified); None: start from scratch.")
      .def_property_readonly("checkpoint_resource", &TrialJob::checkpoint_resource,
                             "The resource that the checkpoint stands for, where training goes on; 0 without one.")
      .def_property_readonly("stop_requested", &TrialJob::stop_requested, "Whether the next call will raise StudyStopped.")
      .def(
          "report", &TrialJob::report, py::arg("resource"), py::arg("loss"), Release(),
          "The loss after `resource`, 1..to_resource, ascending. True: go on; False: return. When it is back the loss is "
          "on\n"
          "record. What an earlier attempt reported stands: the same resource again changes nothing. Raises ValueError for\n"
          "a resource that is out of range or order, StudyStopped where the run was told to stop.")
      .def("save_checkpoint", &save_checkpoint, py::arg("data"),
           "Keeps `data` (bytes), the state after the last report, as what the trial's next attempt goes on from. Written\n"
           "whole or not at all, recorded with its SHA-256; older ones of the trial are then removed.")
      .def("add_model", &add_model, py::arg("predictions"), py::arg("cost") = std::map<std::string, double>{},
           py::arg("model") = py::none(), py::arg("about") = std::map<std::string, std::string>{},
           "Adds the model, as it is after the last report, to study.library as \"t0007r9\" (trial 7, resource 9); one of\n"
           "that name is left as it is. predictions: {split: probabilities [samples, classes]}; `about` gets trial, "
           "resource\n"
           "and config. Arguments and errors as ModelLibrary.add. Returns the name.")
      .def("__repr__", [](const TrialJob& job) {
        return message("TrialJob(trial=", job.trial(), ", from_resource=", job.from_resource(),
                       ", to_resource=", job.to_resource(), ", attempt=", job.attempt(), ")");
      });
}

}  // namespace

void register_study(py::module_& m) {
  register_trial(m);
  register_progress(m);
  register_trial_job(m);

  using Release = py::call_guard<py::gil_scoped_release>;
  py::class_<Study>(
      m, "Study",
      "A search by AsyncHyperband that survives its process: the same line goes on with it.\n\n"
      "folder: gets study.db, library/, checkpoints/ and study.lock; made where it is missing. space, min_resource,\n"
      "max_resource, eta, mode and seed are AsyncHyperband's and must be those that the study was made with. max_attempts: "
      "how\n"
      "often a job may fail before its trial has. What was acknowledged survives a kill of the process (durability\n"
      "\"process\": SQLite WAL, synchronous=NORMAL). Raises ValueError naming the first difference to a study that is "
      "there,\n"
      "FileError where it is open elsewhere, truncated or malformed; files are then left as they were.")
      .def(
          py::init([](const std::filesystem::path& folder, const py::dict& space, std::int64_t min_resource,
                      std::int64_t max_resource, double eta, const std::string& mode, std::uint64_t seed, int max_attempts) {
            const Space parameters = space_from(space);
            const StudyOptions options{{min_resource, max_resource, eta, mode_from(mode), seed}, max_attempts};
            const py::gil_scoped_release release;
            return Study(folder, parameters, options);
          }),
          py::arg("folder"), py::arg("space"), py::arg("min_resource") = 1, py::arg("max_resource") = 27,
          py::arg("eta") = 3.0, py::arg("mode") = "promote", py::arg("seed") = 0, py::arg("max_attempts") = 2)
      .def_static(
          "open", [](const std::filesystem::path& folder, int max_attempts) { return Study(folder, max_attempts); },
          py::arg("folder"), py::arg("max_attempts") = 2, Release(),
          "Goes on with the study that is there, whatever it was made with. Raises FileError where there is none.")
      .def("run", &run, py::arg("train"), py::arg("trials") = 100, py::arg("workers") = 1, py::arg("executor") = "threads",
           py::arg("progress") = py::none(),
           "Calls train(job) until the study has `trials` trials and none waits, runs or can be promoted; returns at once\n"
           "where that is so already.\n\n"
           "executor=\"threads\": `workers` threads. executor=\"processes\": as many spawned processes, for which train "
           "must be\n"
           "importable; one that dies is a failed attempt and is replaced. A train that raises, or returns before it\n"
           "reported to_resource, failed: the job is tried again from its last checkpoint, up to max_attempts. progress: "
           "called\n"
           "with a Progress at most ten times a second. Ctrl-C stops threads at their next report and ends processes, then\n"
           "raises KeyboardInterrupt; the study can go on later. Raises FileError where the database cannot be written.")
      .def("trials", &Study::trials, Release(), "A list of Trial, by number.")
      .def("best", &Study::best, Release(),
           "Of the trials that have not failed: at the highest resource where any has a finite loss, the one with the "
           "lowest;\n"
           "ties to the earlier. None where there is none.")
      .def("progress", &Study::progress, Release(), "A Progress; elapsed_s is 0.")
      .def_property_readonly("library", &Study::library, "The ModelLibrary in folder/library.")
      .def_property_readonly("folder", &Study::folder, "Where it lives.")
      .def_property_readonly(
          "space", [](const Study& study) { return to_dict(study.space()); }, "{name: parameter}.")
      .def_property_readonly("rungs", &Study::rungs, "Resources, ascending.")
      .def_property_readonly("min_resource", [](const Study& study) { return study.options().min_resource; })
      .def_property_readonly("max_resource", [](const Study& study) { return study.options().max_resource; })
      .def_property_readonly("eta", [](const Study& study) { return study.options().eta; })
      .def_property_readonly("mode",
                             [](const Study& study) { return study.options().mode == Mode::kStop ? "stop" : "promote"; })
      .def_property_readonly("seed", [](const Study& study) { return study.options().seed; })
      .def_property_readonly("max_attempts", &Study::max_attempts)
      .def("__repr__", [](const Study& study) {
        return message("Study(\"", study.folder().string(), "\", ", study.progress().trials, " trials, rungs=[",
                       joined(study.rungs()), "])");
      });
}

}  // namespace quorate::python
