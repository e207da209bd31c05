#include "quorate/plan/plan.h"

#include <iomanip>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "profile.h"
#include "quorate/plan/simulate.h"

namespace quorate::python {
namespace {

std::vector<py::ssize_t> shape_of(const Plan& plan) {
  return {static_cast<py::ssize_t>(plan.devices.size()), static_cast<py::ssize_t>(plan.models.size())};
}

Objective objective_from(const std::string& name) {
  require(name == "throughput", "objective is \"", name, "\", but must be one of: throughput");
  return Objective::kThroughput;
}

std::vector<double> demand_from(const py::object& demand) {
  return demand.is_none() ? std::vector<double>{} : as_doubles(demand, "demand");
}

std::string table_of(const Plan& plan) {
  std::ostringstream out;
  out << std::setprecision(4);
  if (!plan.feasible) {
    out << "Plan: infeasible: " << plan.why;
    return out.str();
  }
  out << "Plan of " << plan.throughput << " samples/s, at most " << plan.bound << " possible (gap " << plan.gap() * 100
      << " %), found by " << plan.found_by << ": batch x share of the device's time\n"
      << std::left << std::setw(18) << "device" << std::right;
  for (const std::string& model : plan.models) out << std::setw(16) << model;
  for (std::size_t device = 0; device < plan.devices.size(); ++device) {
    out << "\n" << std::left << std::setw(18) << plan.devices[device].name << std::right;
    for (std::size_t model = 0; model < plan.models.size(); ++model) {
      const std::size_t cell = plan.index(device, model);
      std::ostringstream text;
      text << plan.batch[cell] << " x " << std::setprecision(3) << plan.share[cell] * 100 << " %";
      out << std::setw(16) << (plan.batch[cell] > 0 ? text.str() : "-");
    }
  }
  return out.str();
}

std::string text_of(const Simulation& result) {
  return message("Simulation of ", result.latency_s.size(), " samples: ", result.throughput, " samples/s in ",
                 result.makespan_s, " s; latency_s mean ", result.mean_latency_s, ", p50 ", result.p50_latency_s, ", p99 ",
                 result.p99_latency_s, ", max ", result.max_latency_s, "; utilisation [", joined(result.utilisation), "]");
}

void register_value(py::module_& m) {
  py::class_<Plan>(m, "Plan",
                   "Which model runs on which device, at which batch size, with which share of the device's time.")
      .def_readonly("models", &Plan::models, "The profile's.")
      .def_readonly("devices", &Plan::devices, "In the order given.")
      .def_property_readonly(
          "batch", [](const Plan& self) { return to_array(self.batch, shape_of(self)); },
          "[devices, models] int32; 0 = absent.")
      .def_property_readonly(
          "share", [](const Plan& self) { return to_array(self.share, shape_of(self)); },
          "[devices, models], of the device's time; a device's sum is at most 1.")
      .def_property_readonly(
          "demand", [](const Plan& self) { return to_array(self.demand, {static_cast<py::ssize_t>(self.demand.size())}); },
          "[models], the share of the stream that reaches the model.")
      .def_property_readonly(
          "price", [](const Plan& self) { return to_array(self.price, {static_cast<py::ssize_t>(self.price.size())}); },
          "[models]: the throughput that one more sample/s on the model takes away; demand x price sums to 1. Of a model of "
          "demand 0: what its cheapest place would cost; inf where it fits none.")
      .def_readonly("throughput", &Plan::throughput, "Samples/s.")
      .def_readonly("bound", &Plan::bound, "No plan for this problem has a higher throughput: proven.")
      .def_property_readonly("gap", &Plan::gap, "1 - throughput / bound.")
      .def_readonly("feasible", &Plan::feasible, "Whether every model of positive demand has a place.")
      .def_readonly("why", &Plan::why, "Where infeasible: the model, the device and the bytes that are short; else empty.")
      .def_readonly("found_by", &Plan::found_by,
                    "\"worst-fit\", \"packing\", \"greedy\" or \"prices\"; empty where infeasible.")
      .def(py::self == py::self)
      .def("__repr__", &table_of)
      .def(
          "to_json", [](const Plan& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", &plan_from_json, py::arg("text"), py::arg("name") = "plan",
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const Plan& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", &load_plan, py::arg("path"), "Reads what save wrote.");
}

void register_simulation(py::module_& m) {
  py::class_<Simulation>(m, "Simulation", "What simulate() found.")
      .def_property_readonly(
          "latency_s",
          [](const Simulation& self) { return to_array(self.latency_s, {static_cast<py::ssize_t>(self.latency_s.size())}); },
          "[samples], from a sample's arrival to its answer.")
      .def_readonly("mean_latency_s", &Simulation::mean_latency_s)
      .def_readonly("p50_latency_s", &Simulation::p50_latency_s, "The least latency that half of the samples do not exceed.")
      .def_readonly("p99_latency_s", &Simulation::p99_latency_s, "The least latency that 99 % of the samples do not exceed.")
      .def_readonly("max_latency_s", &Simulation::max_latency_s)
      .def_readonly("makespan_s", &Simulation::makespan_s, "From the first arrival to the last answer.")
      .def_readonly("throughput", &Simulation::throughput, "Samples / makespan_s.")
      .def_property_readonly(
          "utilisation",
          [](const Simulation& self) {
            return to_array(self.utilisation, {static_cast<py::ssize_t>(self.utilisation.size())});
          },
          "[devices]: the share of makespan_s that the device was busy.")
      .def_readonly("max_queue", &Simulation::max_queue, "[models]: the most samples that waited at once.")
      .def(py::self == py::self)
      .def("__repr__", &text_of);
}

void register_functions(py::module_& m) {
  m.def(
      "plan",
      [](const Profile& profile, const std::vector<Device>& devices, const py::object& demand, const std::string& objective,
         double time_limit_s, int max_iterations, std::uint64_t seed) {
        const PlanOptions options{demand_from(demand), objective_from(objective), time_limit_s, max_iterations, seed};
        const py::gil_scoped_release unlocked;
        return plan(profile, devices, options);
      },
      py::arg("profile"), py::arg("devices"), py::arg("demand") = py::none(), py::arg("objective") = "throughput",
      py::arg("time_limit_s") = 1.0, py::arg("max_iterations") = 1000, py::arg("seed") = 0,
      "Places models on devices so that the committee answers as many samples/s as possible.\n\n"
      "demand: [models] in [0, 1], the share of the stream that reaches each, a cascade's reach say; None: 1 for each. A "
      "model of "
      "demand 0 is not placed. objective: \"throughput\", the least of rate / demand over the models. time_limit_s: the "
      "best plan "
      "found by then, looked at between steps; where the search ends before, the plan depends on seed and max_iterations "
      "(steps at "
      "most) alone.\n\n"
      "Worst-fit-decreasing by memory, the bounded greedy of arXiv 2208.14049 scored by the exact best shares (a linear "
      "program), "
      "then changes guided by that program's prices. Infeasible is an answer: plan.feasible is False and plan.why says what "
      "is "
      "short. ValueError for no devices, a device named twice, a kind that the profile lacks, demand outside [0, 1] or all "
      "0, "
      "another objective, negative limits.");
  m.def(
      "simulate",
      [](const Plan& which, const Profile& profile, const py::object& arrivals_s, const py::object& demand) {
        const std::vector<double> arrivals = as_doubles(arrivals_s, "arrivals_s");
        const SimulateOptions options{demand_from(demand)};
        const py::gil_scoped_release unlocked;
        return simulate(which, profile, arrivals, options);
      },
      py::arg("plan"), py::arg("profile"), py::arg("arrivals_s"), py::arg("demand") = py::none(),
      "Plays a plan on a stream by discrete events, with the engine's own policy and the profile's latencies.\n\n"
      "arrivals_s: [samples], ascending. demand: [models]; None: the plan's. Sample i reaches model m where "
      "floor((i + 1) demand[m]) > floor(i demand[m]), all of its models at once, and is answered when all have run it. A "
      "free device "
      "runs the hosted model with the largest backlog relative to its demand, on what waits, up to the plan's batch; a "
      "batch of n "
      "takes the latency of the smallest profiled batch size >= n. Deterministic. ValueError for an infeasible plan, one "
      "for another "
      "profile, arrivals that are empty, not finite or descending, and demand for a model that the plan does not place.");
}

}  // namespace

void register_plan(py::module_& m) {
  register_profile(m);
  register_value(m);
  register_simulation(m);
  register_functions(m);
}

}  // namespace quorate::python
