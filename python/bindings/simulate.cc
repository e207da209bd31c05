#include "simulate.h"

#include <algorithm>
#include <variant>

#include "core/message.h"
#include "quorate/plan/simulate.h"

namespace quorate::python {
namespace {

using Model = std::variant<std::size_t, std::string>;

std::string text_of(const Simulation& result) {
  return message("Simulation of ", result.latency_s.size(), " samples: ", result.throughput, " samples/s in ",
                 result.makespan_s, " s; latency_s mean ", result.mean_latency_s, ", p50 ", result.p50_latency_s, ", p99 ",
                 result.p99_latency_s, ", max ", result.max_latency_s, "; utilisation [", joined(result.utilisation), "]");
}

template <class T>
py::array_t<T> row(const std::vector<T>& values) {
  return to_array(values, {static_cast<py::ssize_t>(values.size())});
}

std::vector<std::vector<std::size_t>> tiers_from(const std::vector<std::vector<Model>>& tiers, const Plan& plan) {
  std::vector<std::vector<std::size_t>> result;
  for (const std::vector<Model>& tier : tiers) {
    result.emplace_back();
    for (const Model& model : tier) {
      if (const std::size_t* index = std::get_if<std::size_t>(&model)) {
        result.back().push_back(*index);
        continue;
      }
      const auto& name = std::get<std::string>(model);
      const auto found = std::ranges::find(plan.models, name);
      require(found != plan.models.end(), "tiers hold model \"", name,
              "\", but must hold the plan's: ", joined(plan.models));
      result.back().push_back(static_cast<std::size_t>(found - plan.models.begin()));
    }
  }
  return result;
}

SimulateOptions options_from(const Plan& plan, const py::object& demand, const std::vector<std::vector<Model>>& tiers,
                             const py::object& tier, const py::object& reach, double record_s) {
  SimulateOptions options;
  if (!demand.is_none()) options.demand = as_doubles(demand, "demand");
  options.tiers = tiers_from(tiers, plan);
  if (!tier.is_none())
    for (const std::int32_t exit : as_int32(tier, "tier")) {
      require(exit >= 0, "tier holds ", exit, ", but must hold numbers of tiers, from 0");
      options.tier.push_back(static_cast<std::size_t>(exit));
    }
  if (!reach.is_none()) options.reach = as_doubles(reach, "reach");
  options.record_s = record_s;
  return options;
}

using Batch = std::tuple<std::size_t, std::size_t, std::size_t, double, double>;

std::vector<Batch> record_of(const Simulation& result) {
  std::vector<Batch> batches;
  for (const SimulatedBatch& batch : result.record)
    batches.emplace_back(batch.device, batch.model, batch.samples, batch.begin_s, batch.end_s);
  return batches;
}

}  // namespace

void register_simulation(py::module_& m) {
  py::class_<Simulation>(m, "Simulation", "What simulate() found.")
      .def_property_readonly(
          "latency_s", [](const Simulation& self) { return row(self.latency_s); },
          "[samples], from a sample's arrival to its answer.")
      .def_readonly("mean_latency_s", &Simulation::mean_latency_s)
      .def_readonly("p50_latency_s", &Simulation::p50_latency_s, "The least latency that half of the samples do not exceed.")
      .def_readonly("p99_latency_s", &Simulation::p99_latency_s, "The least latency that 99 % of the samples do not exceed.")
      .def_readonly("max_latency_s", &Simulation::max_latency_s)
      .def_readonly("makespan_s", &Simulation::makespan_s, "From the first arrival to the last answer.")
      .def_readonly("throughput", &Simulation::throughput, "Samples / makespan_s.")
      .def_property_readonly(
          "utilisation", [](const Simulation& self) { return row(self.utilisation); },
          "[devices]: the share of makespan_s that the device was busy.")
      .def_readonly("max_queue", &Simulation::max_queue, "[models]: the most samples that waited at once.")
      .def_property_readonly(
          "mean_queue", [](const Simulation& self) { return row(self.mean_queue); },
          "[models]: samples that waited, averaged over makespan_s.")
      .def_readonly("max_outside", &Simulation::max_outside,
                    "The most samples at once that had arrived and were not let in yet.")
      .def_readonly("asked", &Simulation::asked, "[models]: samples that the model ran.")
      .def_readonly("batches", &Simulation::batches, "How many the devices ran.")
      .def_property_readonly("record", &record_of,
                             "Batches that began within record_s of the first arrival, as tuples: device, model (indices), "
                             "samples, begin_s, end_s.")
      .def(py::self == py::self)
      .def("__repr__", &text_of);

  m.def(
      "simulate",
      [](const Plan& plan, const Profile& profile, const py::object& arrivals_s, const py::object& demand,
         const std::vector<std::vector<Model>>& tiers, const py::object& tier, const py::object& reach, double record_s) {
        const std::vector<double> arrivals = as_doubles(arrivals_s, "arrivals_s");
        const SimulateOptions options = options_from(plan, demand, tiers, tier, reach, record_s);
        const py::gil_scoped_release unlocked;
        return simulate(plan, profile, arrivals, options);
      },
      py::arg("plan"), py::arg("profile"), py::arg("arrivals_s"), py::arg("demand") = py::none(), py::kw_only(),
      py::arg("tiers") = std::vector<std::vector<Model>>{}, py::arg("tier") = py::none(), py::arg("reach") = py::none(),
      py::arg("record_s") = 0.0,
      R"(Plays a plan on a stream by discrete events, with the engine's own policy and the profile's latencies.

arrivals_s: [samples], ascending; those of one moment are one request. arrivals_from() reads traces.
Without tiers: demand [models], None: the plan's. Sample i reaches model m where floor((i + 1) demand[m]) > floor(i demand[m]),
all of its models at once, and is answered when all have run it.
tiers: a cascade's, each a list of models, by name or by index in the plan. A sample asks all models of its tier at once, and
the next tier, where it goes on, when the last has answered. Who goes on: tier [samples], the tier that answers each, as
evaluate() or an engine measured it; or reach [tiers], the share of the stream that comes to each, 1 first; neither: the plan's
largest demand of each tier's models.
record_s: batches that begin in so many seconds from the first arrival are kept in .record.

A free device runs the hosted model with the largest backlog relative to the plan's demand, on what waits, up to the plan's
batch; a batch between two profiled sizes takes a time between theirs. Requests are let in by segments, as the engine does it.
Deterministic. ValueError for an infeasible plan, one for another profile, arrivals that are empty, not finite or descending,
tiers, tier or reach that do not fit each other, and models that are asked but not placed.)");
}

}  // namespace quorate::python
