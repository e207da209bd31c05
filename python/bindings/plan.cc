#include "quorate/plan/plan.h"

#include <iomanip>
#include <limits>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "profile.h"
#include "quorate/plan/replan.h"
#include "simulate.h"

namespace quorate::python {
namespace {

std::vector<py::ssize_t> shape_of(const Plan& plan) {
  return {static_cast<py::ssize_t>(plan.devices.size()), static_cast<py::ssize_t>(plan.models.size())};
}

using Pairs = std::vector<std::pair<std::string, std::string>>;  // (model, device)

template <class Value>
Value named(const std::string& what, const std::string& name, std::initializer_list<std::pair<const char*, Value>> values) {
  std::vector<std::string> names;
  for (const auto& [text, value] : values) {
    if (name == text) return value;
    names.push_back(text);
  }
  throw std::invalid_argument(message(what, " is \"", name, "\", but must be one of: ", joined(names)));
}

Objective objective_from(const std::string& name) {
  return named<Objective>("objective", name,
                          {{"throughput", Objective::kThroughput},
                           {"money", Objective::kMoney},
                           {"devices", Objective::kDevices},
                           {"latency", Objective::kLatency}});
}

Algorithm algorithm_from(const std::string& name) {
  return named<Algorithm>("algorithm", name,
                          {{"search", Algorithm::kSearch},
                           {"worst-fit", Algorithm::kWorstFit},
                           {"batch", Algorithm::kBatch},
                           {"greedy", Algorithm::kGreedy}});
}

Workspace workspace_from(const std::string& name) {
  return named<Workspace>("workspace", name, {{"largest", Workspace::kLargest}, {"sum", Workspace::kSum}});
}

std::vector<Place> places_from(const Pairs& pairs) {
  std::vector<Place> places;
  for (const auto& [model, device] : pairs) places.push_back({model, device});
  return places;
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
      .def_readonly(
          "found_by", &Plan::found_by,
          "\"worst-fit\", \"packing\", \"batch\", \"greedy\", \"columns\", \"reassigning\", \"annealing\", \"regrouping\", "
          "\"branching\" or \"kept\"; empty where infeasible.")
      .def_readonly("least_cost", &Plan::least_cost,
                    "Where the objective is money or devices: no plan of the asked rate costs less, proven. Else 0.")
      .def_readonly("p99_latency_s", &Plan::p99_latency_s, "Of the simulated stream where the objective is latency. Else 0.")
      .def_property_readonly("usd_per_hour", &Plan::usd_per_hour, "Of the devices in use.")
      .def_property_readonly("devices_in_use", &Plan::devices_in_use, "How many host a model.")
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

std::string words_of(const PlanChange& change) {
  switch (change.kind) {
    case PlanChange::Kind::kLoad:
      return message("load ", change.model, " on ", change.device, " at batch ", change.to_batch);
    case PlanChange::Kind::kUnload:
      return message("unload ", change.model, " from ", change.device);
    case PlanChange::Kind::kResize:
      break;
  }
  return message("resize ", change.model, " on ", change.device, " from batch ", change.from_batch, " to ", change.to_batch);
}

std::string list_of(const Replan& result) {
  if (!result.plan.feasible) return "Replan: infeasible: " + result.plan.why;
  std::string text = message("Replan of ", result.changes.size(), " changes to ", result.plan.throughput, " samples/s:");
  for (const PlanChange& change : result.changes)
    text += message("\n", words_of(change), ": the device then holds ", static_cast<double>(change.device_bytes_after) / 1e6,
                    " MB");
  if (!result.unserved.empty()) text += message("\nunserved for a while: ", joined(result.unserved));
  return text;
}

void register_replan(py::module_& m) {
  py::class_<PlanChange>(m, "PlanChange", "One step from a running plan to the next.")
      .def_property_readonly(
          "kind",
          [](const PlanChange& self) {
            return self.kind == PlanChange::Kind::kLoad     ? "load"
                   : self.kind == PlanChange::Kind::kUnload ? "unload"
                                                            : "resize";
          },
          "\"load\", \"unload\" or \"resize\".")
      .def_readonly("model", &PlanChange::model, "Its name.")
      .def_readonly("device", &PlanChange::device, "Its name.")
      .def_readonly("from_batch", &PlanChange::from_batch, "0: it was not there.")
      .def_readonly("to_batch", &PlanChange::to_batch, "0: it leaves.")
      .def_readonly("device_bytes_after", &PlanChange::device_bytes_after, "What the device holds then.")
      .def(py::self == py::self)
      .def("__repr__", &words_of);
  py::class_<Replan>(m, "Replan", "What replan() found: the plan and the way there.")
      .def_readonly("plan", &Replan::plan, "The new plan.")
      .def_readonly(
          "changes", &Replan::changes,
          "In an order in which no device ever holds more than its memory; what can be loaded at once comes first. "
          "Empty where the plan is infeasible.")
      .def_readonly("unserved", &Replan::unserved, "Models that no device hosts for a while in between, and did before.")
      .def("__repr__", &list_of);
}

void register_functions(py::module_& m) {
  m.def(
      "plan",
      [](const Profile& profile, const std::vector<Device>& devices, const py::object& demand, const std::string& objective,
         double time_limit_s, int max_iterations, std::uint64_t seed, double rate, double max_latency_s, const Pairs& pinned,
         const Pairs& forbidden, const std::string& workspace, const std::string& algorithm) {
        const PlanOptions options{.demand = demand_from(demand),
                                  .objective = objective_from(objective),
                                  .rate = rate,
                                  .max_latency_s = max_latency_s,
                                  .pinned = places_from(pinned),
                                  .forbidden = places_from(forbidden),
                                  .algorithm = algorithm_from(algorithm),
                                  .workspace = workspace_from(workspace),
                                  .time_limit_s = time_limit_s,
                                  .max_iterations = max_iterations,
                                  .seed = seed};
        const py::gil_scoped_release unlocked;
        return plan(profile, devices, options);
      },
      py::arg("profile"), py::arg("devices"), py::arg("demand") = py::none(), py::arg("objective") = "throughput",
      py::arg("time_limit_s") = 1.0, py::arg("max_iterations") = 1000, py::arg("seed") = 0, py::arg("rate") = 0.0,
      py::arg("max_latency_s") = std::numeric_limits<double>::infinity(), py::arg("pinned") = Pairs{},
      py::arg("forbidden") = Pairs{}, py::arg("workspace") = "largest", py::arg("algorithm") = "search",
      R"(Places models on devices so that the committee answers as many samples/s as possible.

demand: [models] in [0, 1], the share of the stream that reaches each, a cascade's reach say; None: 1 for each. A model of
demand 0 is not placed. objective: "throughput", the least of rate / demand over the models; or "money" (usd_per_hour of the
devices in use) or "devices" (how many), the least for a throughput of at least `rate` samples/s; or "latency", the least p99
latency of a stream of `rate` samples/s that come at random moments, by simulation: plan.p99_latency_s. max_latency_s: batches that
take longer are not used. pinned, forbidden: pairs (model, device) that must or must not be placed. workspace: how the
workspaces of a device's batches (what profile.weights_bytes leaves of memory_bytes) add up: "largest", of lanes that take
turns, as the engine's do, or "sum". algorithm: "search"; or, to compare with, "worst-fit", "batch" and "greedy" of arXiv
2208.14049. time_limit_s: the best plan found by then; where the search ends before, the plan depends on seed and
max_iterations (steps at most, of up to 100 placements scored) alone.

docs/planning.md describes the search and the bound. Infeasible is an answer: plan.feasible is False and plan.why says what is
short. ValueError for no devices, a device named twice, a kind that the profile lacks, demand outside [0, 1] or all 0, other
names of an objective, algorithm or workspace, pins that name nothing or contradict each other, negative limits.)");
  m.def(
      "replan",
      [](const Plan& running, const Profile& profile, const std::vector<Device>& devices, const py::object& demand,
         double least_gain, double time_limit_s, int max_iterations, std::uint64_t seed, double max_latency_s,
         const Pairs& pinned, const Pairs& forbidden, const std::string& workspace) {
        const ReplanOptions options{{.demand = demand.is_none() ? running.demand : demand_from(demand),
                                     .max_latency_s = max_latency_s,
                                     .pinned = places_from(pinned),
                                     .forbidden = places_from(forbidden),
                                     .workspace = workspace_from(workspace),
                                     .time_limit_s = time_limit_s,
                                     .max_iterations = max_iterations,
                                     .seed = seed},
                                    least_gain};
        const py::gil_scoped_release unlocked;
        return replan(running, profile, devices, options);
      },
      py::arg("plan"), py::arg("profile"), py::arg("devices"), py::arg("demand") = py::none(), py::arg("least_gain") = 0.02,
      py::arg("time_limit_s") = 1.0, py::arg("max_iterations") = 1000, py::arg("seed") = 0,
      py::arg("max_latency_s") = std::numeric_limits<double>::infinity(), py::arg("pinned") = Pairs{},
      py::arg("forbidden") = Pairs{}, py::arg("workspace") = "largest",
      R"(From a plan that runs to one for changed devices or demand, moving little.

Keeps the instances on devices that are still there, by name, as far as memory and the options allow, and hosts the models that
lack a place with few others moved. Then makes the change that raises the throughput most for each instance loaded or resized,
while one raises it by least_gain (a part of it): 0 moves whatever helps, inf only what must be. demand: None: the plan's. The
others are plan()'s. Returns a Replan; ValueError as plan(), and for a plan of another profile or a negative least_gain.)");
  m.def(
      "device_bytes",
      [](const Plan& which, const Profile& profile, const std::string& workspace) {
        const std::vector<std::int64_t> bytes = device_bytes(which, profile, workspace_from(workspace));
        return to_array(bytes, {static_cast<py::ssize_t>(bytes.size())});
      },
      py::arg("plan"), py::arg("profile"), py::arg("workspace") = "largest",
      "[devices]: what each holds under the plan, its workspace included. ValueError for a plan of another profile.");
}

}  // namespace

void register_plan(py::module_& m) {
  register_profile(m);
  register_value(m);
  register_replan(m);
  register_simulation(m);
  register_functions(m);
}

}  // namespace quorate::python
