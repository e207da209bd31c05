// Profiles by running models here.
#include <pybind11/functional.h>

#include <algorithm>
#include <cmath>

#include "core/message.h"
#include "infer.h"
#include "quorate/infer/measure.h"
#include "samples.h"

namespace quorate::python {
namespace {

Profile measure(const ModelLibrary& library, const std::vector<Device>& devices, const py::object& sample,
                const std::vector<int>& batch_sizes, const std::optional<std::vector<std::string>>& models, int warmup,
                int repeats, bool smooth, std::optional<int> slowdown_batch, double timeout_s, bool trust,
                const std::optional<std::function<void(py::dict)>>& progress) {
  const Samples rows = as_samples(sample, "sample");
  require(slowdown_batch != 0, "slowdown_batch is 0, but must be one of batch_sizes, or None");
  MeasureOptions options{batch_sizes, models.value_or(std::vector<std::string>{}),
                         warmup,      repeats,
                         smooth,      slowdown_batch.value_or(0),
                         timeout_s,   trust,
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
    entry["runs"] = cell.runs;
    entry["memory_bytes"] = cell.memory_bytes;
    entry["weights_bytes"] = cell.weights_bytes;
    entry["failure"] = cell.failure;
    if (!cell.beside.empty()) {
      entry["beside"] = cell.beside;
      entry["slowdown"] = cell.slowdown;
    }
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

}  // namespace

void register_measure(py::module_& m) {
  m.def("measure_profile", &measure, py::arg("library"), py::arg("devices"), py::arg("sample"), py::kw_only(),
        py::arg("batch_sizes") = std::vector<int>{1, 8, 32}, py::arg("models") = py::none(), py::arg("warmup") = 3,
        py::arg("repeats") = 9, py::arg("smooth") = true, py::arg("slowdown_batch") = py::none(),
        py::arg("timeout_s") = INFINITY, py::arg("trust") = false, py::arg("progress") = py::none(),
        R"(A Profile by running the models on this machine.

library: the ModelLibrary that holds the model files. models: names, in the profile's order; None: all.
devices: from cpu_devices(); the first of each kind is measured, by a thread that is pinned to it.
sample: float32 [samples, ...features]; its rows are repeated to fill a batch. batch_sizes: ascending.
All models are loaded; after `warmup` runs of each come `repeats` rounds of one run of every model at every batch size, whose
median is the latency of a whole batch: what slows the machine for a while falls on all alike. smooth: where there are three batch
sizes and three repeats at least, medians are moved towards a fixed cost plus a cost per sample, as far as the scatter of
the runs says that their distance from it is luck; a plan would pick the luckiest batch size.
slowdown_batch: one of batch_sizes; slowdowns are measured too then, at that size: each round goes on to every pair of models, a
batch of the one, then two of the other. How much longer the first of these took than the second, the median over rounds, is
the profile's slowdown of the pair, or 1 where luck may explain it (5 repeats at least); latencies are of runs after one of
the same model. Takes 3 x repeats runs for each pair and kind more. Memory is a model's weights plus the most
that one run had allocated at once from Torch's CPU allocator (its output included, its input not; code and other libraries'
own memory not). A model that fails at a batch size, or of which a run took longer than timeout_s there, has latency inf there
(after a run that was too slow larger batches are not tried); one that fails at every batch size is left out of the profile, with a
RuntimeWarning that says why.
progress: called with {"kind", "model", "batch", "latency_s" (median so far), "runs" (that count so far), "memory_bytes",
"weights_bytes", "failure"} after each run that counts, and once for what fails; of pairs with "beside", the model that ran
before, and "slowdown" besides.

Raises ValueError for a model without a file, batch sizes that do not ascend, a slowdown_batch that is none of them or devices that are not here, FileError for a
file that is missing, damaged or changed, DeviceError where no model remains.)");
}

}  // namespace quorate::python
