// What a study hands out and what it says: trials, progress, jobs.
#include "core/message.h"
#include "quorate/search/study.h"
#include "search.h"

namespace quorate::python {
namespace {

using Losses = std::variant<double, std::vector<double>>;

py::object optional_path(const std::optional<std::filesystem::path>& path) { return path ? py::cast(*path) : py::none(); }

std::string add_model(TrialJob& job, const std::map<std::string, py::object>& predictions,
                      const std::map<std::string, double>& cost, const std::optional<std::filesystem::path>& model,
                      const std::map<std::string, std::string>& about, std::optional<std::int64_t> resource) {
  const std::map<std::string, ModelLibrary::Array> arrays = as_model_arrays(predictions);
  const py::gil_scoped_release release;
  return job.add_model(arrays, cost, model.value_or(""), about, resource);
}

bool report(TrialJob& job, std::int64_t resource, const Losses& losses) {
  const py::gil_scoped_release release;
  if (const auto* loss = std::get_if<double>(&losses)) return job.report(resource, *loss);
  return job.report(resource, std::get<std::vector<double>>(losses));
}

void save_checkpoint(TrialJob& job, const py::buffer& data, std::optional<std::int64_t> resource) {
  const py::buffer_info info = data.request();
  require(PyBuffer_IsContiguous(info.view(), 'C') != 0, "data is not contiguous, but must be bytes or a contiguous buffer");
  const std::string_view bytes(static_cast<const char*>(info.ptr), static_cast<std::size_t>(info.size * info.itemsize));
  const py::gil_scoped_release release;
  job.save_checkpoint(bytes, resource);
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
      .def_readonly("losses", &Trial::losses,
                    "{resource: loss}, as acknowledged, ascending; of several objectives the first.")
      .def_readonly("values", &Trial::values,
                    "{resource: [loss of each objective]}, ascending; empty where there is only one objective.")
      .def_readonly("started_s", &Trial::started_s, "When it was first handed out, in seconds since 1970.")
      .def_readonly("changed_s", &Trial::changed_s, "When it last changed, in seconds since 1970.")
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
      .def_readonly("left_s", &Progress::left_s,
                    "Until this run ends, if trials go on costing what they did in it; None: not known yet.")
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

  const auto over = py::register_exception<AttemptOver>(m, "AttemptOver", PyExc_ValueError);
  over.attr("__doc__") =
      "Raised by what is called on an attempt that is over: its training function is back, it was told or failed, or its\n"
      "lease ran out and the job went to somebody else. Nothing was changed.";

  py::class_<TrialJob>(
      m, "TrialJob",
      "One attempt at a job, in the hands of a training function: train `config` from `checkpoint_resource` to\n"
      "`to_resource`. After the function is back, what would change the study raises AttemptOver.")
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
      .def_property_readonly("token", &TrialJob::token, "Names this attempt and no other: \"12:3\"; see Study.attempt.")
      .def_property_readonly("device", &TrialJob::device, "What this attempt may train on, a Device; None: nobody said.")
      .def_property_readonly("device_share", &TrialJob::device_share,
                             "1 over the number of workers on the device; 1 without a device.")
      .def(
          "report", &report, py::arg("resource"), py::arg("loss"),
          "The loss after `resource`, 1..to_resource, ascending; of several objectives a sequence, in the study's order.\n\n"
          "True: go on. False: return. When it is back the loss is on record. What an earlier attempt reported stands: the\n"
          "same resource again changes nothing and has the same answer. Raises ValueError for a resource that is out of\n"
          "range or order, StudyStopped where the run was told to stop.")
      .def("heartbeat", &TrialJob::heartbeat, Release(),
           "For a job of Study.ask: its lease begins anew, as it does with every report.")
      .def("tell", &TrialJob::tell, Release(),
           "For a job of Study.ask: it is done. Raises ValueError before its last resource was reported. Said twice: once.")
      .def("fail", &TrialJob::fail, py::arg("why"), Release(),
           "For a job of Study.ask: the attempt failed, which counts as one of max_attempts. Said twice: once.")
      .def("release", &TrialJob::release, Release(),
           "For a job of Study.ask: hands it back, to be asked for again; does not count as failed.")
      .def("save_checkpoint", &save_checkpoint, py::arg("data"), py::arg("resource") = py::none(),
           "Keeps `data` (bytes), the state after the last report, as what the trial's next attempt goes on from. Written\n"
           "whole or not at all, recorded with its SHA-256; older ones of the trial are then removed.\n"
           "resource: what the state stands at, where that is not this handle's last report.")
      .def("add_model", &add_model, py::arg("predictions"), py::arg("cost") = std::map<std::string, double>{},
           py::arg("model") = py::none(), py::arg("about") = std::map<std::string, std::string>{},
           py::arg("resource") = py::none(),
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

void register_trials(py::module_& m) {
  register_trial(m);
  register_progress(m);
  register_trial_job(m);
}

}  // namespace quorate::python
