#include <iomanip>

#include "bindings.h"
#include "core/message.h"
#include "quorate/joint/co_plan.h"

namespace quorate::python {
namespace {

std::string line_of(const CoPlanPoint& point) {
  return message("CoPlanPoint(loss=", point.loss, ", throughput=", point.throughput,
                 ", usd_per_million=", point.usd_per_million, ", tiers=", point.cascade.tiers.size(),
                 ", rounds=", point.rounds, ")");
}

std::string table_of(const CoPlan& found) {
  if (found.front.empty()) return "CoPlan: infeasible: " + found.why;
  std::ostringstream out;
  out << "CoPlan of " << found.front.size() << " pairs, best first\n"
      << std::setw(12) << "loss" << std::setw(14) << "samples/s" << std::setw(12) << "usd/hour" << std::setw(14)
      << "usd/million" << std::setw(8) << "tiers";
  for (const CoPlanPoint& point : found.front)
    out << "\n"
        << std::setw(12) << point.loss << std::setw(14) << point.throughput << std::setw(12) << point.usd_per_hour
        << std::setw(14) << point.usd_per_million << std::setw(8) << point.cascade.tiers.size();
  return out.str();
}

void register_values(py::module_& m) {
  py::class_<CoPlanPoint>(m, "CoPlanPoint", "A cascade with the plan made for it.")
      .def_readonly("cascade", &CoPlanPoint::cascade, "Members are indices of the predictions' models.")
      .def_readonly("plan", &CoPlanPoint::plan, "Of the profile's models.")
      .def_property_readonly(
          "demand",
          [](const CoPlanPoint& self) { return to_array(self.demand, {static_cast<py::ssize_t>(self.demand.size())}); },
          "[models] of the predictions: the share of the stream that reaches each.")
      .def_readonly("loss", &CoPlanPoint::loss, "Error rate on the predictions it was found on: optimistic.")
      .def_readonly("throughput", &CoPlanPoint::throughput, "Samples/s, the plan's.")
      .def_readonly("usd_per_hour", &CoPlanPoint::usd_per_hour, "Of the devices that the plan uses.")
      .def_readonly("usd_per_million", &CoPlanPoint::usd_per_million,
                    "Of a million samples at that throughput, on the devices that the plan uses.")
      .def_readonly("rounds", &CoPlanPoint::rounds, "That led to it; 0: the first costs' cascade.")
      .def(py::self == py::self)
      .def("__repr__", &line_of);

  py::class_<CoPlan>(m, "CoPlan", "What co_plan() found.")
      .def_readonly(
          "front", &CoPlan::front,
          "Pairs of which none has both a lower loss and a higher throughput (for money: a lower cost an hour) than "
          "another; fastest, or cheapest, first.")
      .def_readonly("in_turn", &CoPlan::in_turn,
                    "What planning after routing gives at each loss level: routed by the first costs alone.")
      .def_readonly("why", &CoPlan::why, "Where the front is empty: what the last plan was short of.")
      .def(
          "best",
          [](const CoPlan& self, double max_loss) {
            const CoPlanPoint* point = self.best(max_loss);
            return point ? std::optional<CoPlanPoint>(*point) : std::nullopt;
          },
          py::arg("max_loss"), "The fastest, or cheapest, pair whose loss is at most max_loss; None where there is none.")
      .def("__repr__", &table_of);
}

}  // namespace

void register_joint(py::module_& m) {
  register_values(m);
  m.def(
      "co_plan",
      [](const Predictions& predictions, const Profile& profile, const std::vector<Device>& devices,
         std::optional<double> max_loss, const std::string& objective, double rate, int levels, const py::object& cost,
         int max_rounds, int max_depth, const std::string& signal, const std::string& combine,
         const std::optional<std::vector<int>>& tier_sizes, double parallel, int max_tiers, double max_exact_work,
         double time_limit_s, int max_iterations, std::uint64_t seed, int threads) {
        CoPlanOptions options;
        if (max_loss) options.max_loss = *max_loss;
        options.levels = levels;
        if (!cost.is_none()) options.cost = as_doubles(cost, "cost");
        options.max_rounds = max_rounds;
        options.cascades.max_depth = max_depth;
        options.cascades.signal = signal_from_string(signal);
        options.cascades.combine = combine_from_string(combine);
        options.cascades.tier_sizes = tier_sizes.value_or(std::vector<int>());
        options.cascades.parallelism = parallel;
        options.cascades.max_tiers = max_tiers;
        options.cascades.max_exact_work = max_exact_work;
        options.cascades.threads = threads;
        require(objective == "throughput" || objective == "money", "objective is \"", objective,
                "\", but must be \"throughput\" or \"money\"");
        if (objective == "money") options.plan.objective = Objective::kMoney;
        options.plan.rate = rate;
        options.plan.time_limit_s = time_limit_s;
        options.plan.max_iterations = max_iterations;
        options.plan.seed = seed;
        const py::gil_scoped_release release;
        return co_plan(predictions, profile, devices, options);
      },
      py::arg("predictions"), py::arg("profile"), py::arg("devices"), py::arg("max_loss") = py::none(), py::kw_only(),
      py::arg("objective") = "throughput", py::arg("rate") = 0.0, py::arg("levels") = 8, py::arg("cost") = py::none(),
      py::arg("max_rounds") = 8, py::arg("max_depth") = 3, py::arg("signal") = "confidence", py::arg("combine") = "last",
      py::arg("tier_sizes") = py::none(), py::arg("parallel") = 0.0, py::arg("max_tiers") = 512,
      py::arg("max_exact_work") = CascadeOptions().max_exact_work, py::arg("time_limit_s") = 0.25,
      py::arg("max_iterations") = 1000, py::arg("seed") = 0, py::arg("threads") = 0,
      R"(Cascades and their placement chosen together: a front of error rate against throughput, or against money.

objective: "money" plans for the devices that cost least an hour and have `rate` samples/s, and its front is of that cost.
predictions: held-out; the profile holds its models by name, and may hold more. max_loss: only cascades of at most that error
rate; None: levels of it spread over the front that find_cascades has with the first costs. cost: [models], these first costs;
None: the least seconds a sample that the profile has for the model. max_depth to threads: find_cascades's. time_limit_s,
max_iterations, seed: plan's, of each plan; about 2 x levels x max_rounds are made.

The plan's prices are the next costs of find_cascades, the cascade's demand the next plan's, until a cascade comes back. What is
found is never below planning after routing, .in_turn; nothing says that it is the best there is. Deterministic where no plan is
ended by time. ValueError for money where no device costs any, predictions whose models are not all in the profile, a max_loss that no cascade has, and what
find_cascades and plan raise. What fits nowhere is an answer: an empty .front and .why.)");
}

}  // namespace quorate::python
