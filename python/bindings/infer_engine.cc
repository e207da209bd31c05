// The engine itself.
#include <cmath>

#include "core/message.h"
#include "infer.h"
#include "live_engines.h"
#include "samples.h"

namespace quorate::python {
namespace {

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
  return hold_engine(std::make_unique<Engine>(library, committee, plan, options));
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

}  // namespace

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

}  // namespace quorate::python
