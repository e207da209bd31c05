#include "route.h"

#include <iomanip>
#include <limits>
#include <map>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "front.h"
#include "quorate/route/find_cascades.h"

namespace quorate::python {
namespace {

constexpr std::size_t kAnyModel = std::numeric_limits<std::size_t>::max();

std::string text_of(const Tier& tier) {
  return message("Tier(members=[", joined(tier.members), "], weights=[", joined(tier.weights), "], signal=\"",
                 to_string(tier.signal), "\", threshold=", tier.threshold, ")");
}

// "[2] >= 0.71, [0, 4]": the last tier always answers.
std::string tiers_text(const Cascade& cascade) {
  std::vector<std::string> tiers;
  for (std::size_t k = 0; k < cascade.tiers.size(); ++k) {
    const Tier& tier = cascade.tiers[k];
    tiers.push_back("[" + joined(tier.members) + "]" +
                    (k + 1 < cascade.tiers.size() ? message(" >= ", std::setprecision(4), tier.threshold) : ""));
  }
  return joined(tiers, ", ");
}

std::string text_of(const Cascade& cascade) {
  return message("Cascade(", tiers_text(cascade), ", signal=\"", to_string(cascade.tiers.front().signal), "\", combine=\"",
                 to_string(cascade.combine), "\", parallel=", cascade.parallelism, ", loss=", cascade.loss,
                 ", cost=", cascade.cost, ", worst_cost=", cascade.worst_cost, ", found_by=\"", cascade.found_by, "\"",
                 cascade.certificate ? ", certificate=" + certificate_text(*cascade.certificate) : "", ")");
}

std::string table_of(const CascadeFront& front) {
  std::ostringstream out;
  out << "CascadeFront of " << front.size() << ", cheapest first\n"
      << std::setw(12) << "cost" << std::setw(12) << "loss" << std::setw(12) << "worst cost"
      << "  tiers";
  for (const Cascade& cascade : front)
    out << "\n"
        << std::setw(12) << cascade.cost << std::setw(12) << cascade.loss << std::setw(12) << cascade.worst_cost << "  "
        << tiers_text(cascade);
  return out.str();
}

void register_tier(py::module_& m) {
  py::class_<Tier>(
      m, "Tier",
      "Models that are asked together; they answer with the weighted mean of their scores.\n\n"
      "members: indices of models, ascending. weights: as many, positive, sum 1; None: alike. signal: what its "
      "certainty is read from, in [0, 1]: \"confidence\" (highest mean score), \"margin\" (highest minus second), "
      "\"entropy\" (1 - H / log classes), \"agreement\" (mean score of the class that most members vote for), "
      "\"vote_agreement\" (share of members that vote for it) or \"given\" (Predictions.with_certainty). threshold: "
      "the tier answers where the certainty is at least that; 0: always; above 1: never. cost: of one sample "
      "through the tier; 0: not known.")
      .def(py::init([](std::vector<int> members, std::optional<std::vector<double>> weights, const std::string& signal,
                       double threshold, double cost) {
             Tier tier{std::move(members), {}, signal_from_string(signal), threshold, cost};
             tier.weights = weights
                                ? std::move(*weights)
                                : std::vector<double>(tier.members.size(), 1.0 / static_cast<double>(tier.members.size()));
             return tier;
           }),
           py::arg("members"), py::arg("weights") = py::none(), py::kw_only(), py::arg("signal") = "confidence",
           py::arg("threshold") = 0.0, py::arg("cost") = 0.0)
      .def_readonly("members", &Tier::members, "Indices of models, ascending.")
      .def_readonly("weights", &Tier::weights, "[members], positive, sum 1.")
      .def_property_readonly(
          "signal", [](const Tier& self) { return to_string(self.signal); },
          "\"confidence\", \"agreement\", \"vote_agreement\", \"margin\", \"entropy\" or \"given\".")
      .def_readonly("threshold", &Tier::threshold, "The tier answers where its certainty is at least this.")
      .def_readonly("cost", &Tier::cost, "Of one sample through the tier, at the costs it was found with; 0: not known.")
      .def(py::self == py::self)
      .def("__repr__", [](const Tier& self) { return text_of(self); });
}

void register_cascade(py::module_& m) {
  py::class_<Cascade> cascade(m, "Cascade",
                              "Tiers that are asked in turn; the first that is sure enough answers.\n\n"
                              "tiers: the last one's threshold is 0, and a model stands in one tier only. combine: what a "
                              "tier answers with, \"last\" (its own mean of scores), \"mean\" (that of all tiers so far, "
                              "each tier alike) or \"majority\" (the votes of all members so far). parallel: how far a "
                              "tier's members run at once, rho in [0, 1] or a bool: it costs sum^(1 - rho) x dearest^rho. "
                              "ValueError where they are not so.");
  cascade
      .def(py::init([](std::vector<Tier> tiers, const std::string& combine, double parallel, double loss, double cost,
                       double worst_cost, std::string found_by) {
             Cascade made{std::move(tiers), combine_from_string(combine), parallel, loss, cost,
                          worst_cost,       std::move(found_by)};
             check(made, kAnyModel);
             return made;
           }),
           py::arg("tiers"), py::kw_only(), py::arg("combine") = "last", py::arg("parallel") = 0.0, py::arg("loss") = 0.0,
           py::arg("cost") = 0.0, py::arg("worst_cost") = 0.0, py::arg("found_by") = "hand")
      .def_readonly("tiers", &Cascade::tiers, "[depth] of Tier, in the order in which they are asked.")
      .def_property_readonly(
          "combine", [](const Cascade& self) { return to_string(self.combine); }, "\"last\", \"mean\" or \"majority\".")
      .def_readonly("parallel", &Cascade::parallelism,
                    "How far a tier's members run at once, rho in [0, 1]: it costs sum^(1 - rho) x dearest^rho.")
      .def_readonly("loss", &Cascade::loss, "Error rate on the data that its thresholds were set on: optimistic.")
      .def_readonly("cost", &Cascade::cost, "Mean cost of a sample on that data.")
      .def_readonly("worst_cost", &Cascade::worst_cost, "Of a sample that reaches the last tier.")
      .def_readonly(
          "found_by", &Cascade::found_by,
          "\"exact\" (no cascade of its depth or less from these tiers is better on the data), \"within 0.001\" (none by "
          "more in loss), \"extended\", \"greedy ...\" or \"hand\".")
      .def_readonly("certificate", &Cascade::certificate, "What calibrate() promises; None before.")
      .def(py::self == py::self)
      .def("__repr__", [](const Cascade& self) { return text_of(self); });
  bind_document<Cascade>(cascade, &cascade_from_json, &load_cascade, "cascade");

  auto front = bind_front<Cascade>(m, "CascadeFront", "Cascade",
                                   "Cascades of which none is both dearer and worse than another: ascending mean cost, "
                                   "descending error rate.");
  front.def("__repr__", &table_of);
  bind_document<CascadeFront>(front, &cascade_front_from_json, &load_cascade_front, "cascades");
}

CascadeLimit as_limit(const std::string& name, const py::dict& given) {
  CascadeLimit limit{.name = name, .cost = {}};
  for (const auto& [key, value] : given) {
    const auto what = key.cast<std::string>();
    if (what == "cost")
      limit.cost = as_doubles(py::reinterpret_borrow<py::object>(value), "cost");
    else if (what == "parallel")
      limit.parallelism = value.cast<double>();
    else if (what == "max_mean")
      limit.max_mean = value.cast<double>();
    else if (what == "max_worst")
      limit.max_worst = value.cast<double>();
    else if (what == "max_tier")
      limit.max_tier = value.cast<std::vector<double>>();
    else
      throw py::value_error(message("limit \"", name, "\" has \"", what,
                                    "\", but must have some of: cost, parallel, max_mean, max_worst, max_tier"));
  }
  return limit;
}

CascadeFront find(const Predictions& predictions, const py::object& cost, int max_depth, const std::string& signal,
                  const std::string& combine, std::optional<double> max_worst_cost,
                  const std::optional<std::vector<int>>& tier_sizes, double parallel, int threads, int max_tiers,
                  const std::map<std::string, py::dict>& limits, double gap, double max_exact_work, int max_last_size) {
  const ModelCosts costs = as_model_costs(cost, "cost");
  CascadeOptions options;
  options.max_depth = max_depth;
  options.signal = signal_from_string(signal);
  options.combine = combine_from_string(combine);
  options.max_worst_cost = max_worst_cost;
  options.tier_sizes = tier_sizes.value_or(std::vector<int>());
  options.max_last_size = max_last_size;
  options.parallelism = parallel;
  options.threads = threads;
  options.max_tiers = max_tiers;
  options.gap = gap;
  options.max_exact_work = max_exact_work;
  for (const auto& [name, limit] : limits) options.limits.push_back(as_limit(name, limit));
  const py::gil_scoped_release release;
  return find_cascades(predictions, costs, options);
}

void register_functions(py::module_& m) {
  m.def(
      "measured_parallelism",
      [](const std::vector<double>& member_costs, double together) { return measured_parallelism(member_costs, together); },
      py::arg("member_costs"), py::arg("together"),
      "The rho in [0, 1] at which members of these costs take `together`, all at once: log(sum / together) / log(sum / "
      "dearest). 0 for one member. ValueError unless all are finite and above 0.");
  m.def(
      "find_cascades", &find, py::arg("predictions"), py::arg("cost"), py::arg("max_depth") = 3,
      py::arg("signal") = "confidence", py::arg("combine") = "last", py::arg("max_worst_cost") = py::none(),
      py::arg("tier_sizes") = py::none(), py::arg("parallel") = 0.0, py::arg("threads") = 0, py::arg("max_tiers") = 512,
      py::kw_only(), py::arg("limits") = std::map<std::string, py::dict>(), py::arg("gap") = CascadeOptions().gap,
      py::arg("max_exact_work") = CascadeOptions().max_exact_work, py::arg("max_last_size") = 0,
      "The front of mean cost against error rate over cascades of up to max_depth tiers, on held-out predictions.\n\n"
      "cost: [models], of one sample on each, or [models, samples]. signal: \"confidence\", \"margin\", \"entropy\", "
      "\"agreement\", \"vote_agreement\" or \"given\". combine: \"last\", \"mean\" or \"majority\". max_worst_cost: of a "
      "sample that reaches the last tier. tier_sizes: how many members a tier that may stop early has; None: (1, 2, 3) for "
      "the agreement signals, (1,) else. max_last_size: how many a last tier has at most; 0: no limit. "
      "parallel: how far a tier's members run at once, see Cascade. max_tiers: with more "
      "tiers than that, tiers of several members come from the best models only, and found_by says so. limits: other costs "
      "to keep within, {\"usd\": {\"cost\": [models], \"max_mean\": ..., \"max_worst\": ..., \"max_tier\": [...], "
      "\"parallel\": rho}}: on average, of a sample that reaches the last tier, of each tier by its place (edge, cloud). "
      "gap: the loss by which a cascade of depth 4 may be better than what is found. max_exact_work: depth 3 and 4 are "
      "exact while tiers^depth x (samples + 2,000) is at most that. threads: 0 for all cores; the answer does not depend on "
      "it.\n\n"
      "found_by says what is proven: \"exact\" over every threshold that decides differently, \"within 0.001\" in loss, or "
      "\"extended\". Wang et al., Wisdom of Committees (arXiv 2012.01988); agreement-based cascading (arXiv 2407.02348)."
      "\n\n"
      "ValueError for a cost that is negative, not finite or of another shape, unknown names, or limits that no cascade "
      "meets; the message says the least that works.");
}

}  // namespace

ModelCosts as_model_costs(const py::object& object, const std::string& name) {
  const auto array = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(object);
  if (!array || array.ndim() != 2) {
    PyErr_Clear();
    return ModelCosts(as_doubles(object, name));
  }
  return ModelCosts::of_samples(
      {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))});
}

void register_route(py::module_& m) {
  register_tier(m);
  register_certificate(m);
  register_cascade(m);
  register_report(m);
  register_functions(m);
  register_promise(m);
  register_around(m);
}

}  // namespace quorate::python
