#include <iomanip>
#include <limits>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "front.h"
#include "quorate/route/calibrate.h"
#include "quorate/route/evaluate.h"
#include "quorate/route/find_cascades.h"

namespace quorate::python {
namespace {

constexpr std::size_t kAnyModel = std::numeric_limits<std::size_t>::max();

std::string text_of(const Tier& tier) {
  return message("Tier(members=[", joined(tier.members), "], weights=[", joined(tier.weights), "], signal=\"",
                 to_string(tier.signal), "\", threshold=", tier.threshold, ")");
}

std::string text_of(const Certificate& certificate) {
  if (!certificate.holds)
    return message("Certificate(holds=False, max_loss_increase=", certificate.max_loss_increase,
                   ", delta=", certificate.delta, ", samples=", certificate.samples,
                   ", samples_needed=", certificate.samples_needed, ")");
  return message("Certificate(holds=True, max_loss_increase=", certificate.max_loss_increase, ", delta=", certificate.delta,
                 ", samples=", certificate.samples, ", bound=", certificate.bound, ", measured=", certificate.measured, ")");
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
                 to_string(cascade.combine), "\", parallel=", cascade.parallel ? "True" : "False", ", loss=", cascade.loss,
                 ", cost=", cascade.cost, ", worst_cost=", cascade.worst_cost, ", found_by=\"", cascade.found_by, "\"",
                 cascade.certificate ? ", certificate=" + text_of(*cascade.certificate) : "", ")");
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

std::string text_of(const CascadeReport& report) {
  return message("CascadeReport(samples=", report.samples, ", accuracy=", report.accuracy, " [", report.accuracy_low, ", ",
                 report.accuracy_high, "], mean_cost=", report.mean_cost, ", worst_cost=", report.worst_cost,
                 ", tier_share=[", joined(report.tier_share), "])");
}

template <class T>
py::array_t<T> as_array(const std::vector<T>& values) {
  return to_array(values, {static_cast<py::ssize_t>(values.size())});
}

// to_json, from_json, save and load, as every value has them.
template <class Value, class Class>
void bind_document(Class& value, Value (*parse)(std::string_view, const std::string&),
                   Value (*load)(const std::filesystem::path&), const char* name) {
  value
      .def(
          "to_json", [](const Value& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", parse, py::arg("text"), py::arg("name") = name,
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const Value& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", load, py::arg("path"), "Reads what save wrote.");
}

void register_tier(py::module_& m) {
  py::class_<Tier>(
      m, "Tier",
      "Models that are asked together; they answer with the weighted mean of their scores.\n\n"
      "members: indices of models, ascending. weights: as many, positive, sum 1; None: alike. signal: what its "
      "certainty is read from, in [0, 1]: \"confidence\" (highest mean score), \"agreement\" (mean score of the "
      "class that most members vote for) or \"vote_agreement\" (share of members that vote for it). threshold: "
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
          "\"confidence\", \"agreement\" or \"vote_agreement\".")
      .def_readonly("threshold", &Tier::threshold, "The tier answers where its certainty is at least this.")
      .def_readonly("cost", &Tier::cost, "Of one sample through the tier, at the costs it was found with; 0: not known.")
      .def(py::self == py::self)
      .def("__repr__", [](const Tier& self) { return text_of(self); });
}

void register_certificate(py::module_& m) {
  py::class_<Certificate>(m, "Certificate",
                          "What calibrate() promises: the error rate exceeds the reference's, that of the same cascade "
                          "without early stops, by more than max_loss_increase with probability at most delta.")
      .def_readonly("max_loss_increase", &Certificate::max_loss_increase, "Epsilon, of the error rate.")
      .def_readonly("delta", &Certificate::delta, "The promise is broken with at most this probability.")
      .def_readonly("samples", &Certificate::samples, "Calibration samples.")
      .def_readonly("bound", &Certificate::bound, "Upper confidence bound of the loss increase at these thresholds alone.")
      .def_readonly("measured", &Certificate::measured, "The loss increase measured on the calibration samples.")
      .def_readonly("reference_loss", &Certificate::reference_loss, "The reference's error rate on the calibration samples.")
      .def_readonly("holds", &Certificate::holds, "False: no early stop could be promised, so no tier stops early.")
      .def_readonly("samples_needed", &Certificate::samples_needed,
                    "Where not holds: about how many samples the thresholds asked for would need; 0: no number helps.")
      .def_readonly("method", &Certificate::method, "How the promise was obtained.")
      .def_readonly("does_not_cover", &Certificate::does_not_cover, "What voids the promise.")
      .def(py::self == py::self)
      .def("__repr__", [](const Certificate& self) { return text_of(self); });
}

void register_cascade(py::module_& m) {
  py::class_<Cascade> cascade(m, "Cascade",
                              "Tiers that are asked in turn; the first that is sure enough answers.\n\n"
                              "tiers: the last one's threshold is 0, and a model stands in one tier only. combine: what a "
                              "tier answers with, \"last\" (its own mean of scores) or \"mean\" (that of all tiers so far, "
                              "each tier alike). parallel: a tier costs its dearest member, not the sum. ValueError where "
                              "they are not so.");
  cascade
      .def(py::init([](std::vector<Tier> tiers, const std::string& combine, bool parallel, double loss, double cost,
                       double worst_cost, std::string found_by) {
             Cascade made{std::move(tiers), combine_from_string(combine), parallel, loss, cost,
                          worst_cost,       std::move(found_by)};
             check(made, kAnyModel);
             return made;
           }),
           py::arg("tiers"), py::kw_only(), py::arg("combine") = "last", py::arg("parallel") = false, py::arg("loss") = 0.0,
           py::arg("cost") = 0.0, py::arg("worst_cost") = 0.0, py::arg("found_by") = "hand")
      .def_readonly("tiers", &Cascade::tiers, "[depth] of Tier, in the order in which they are asked.")
      .def_property_readonly(
          "combine", [](const Cascade& self) { return to_string(self.combine); }, "\"last\" or \"mean\".")
      .def_readonly("parallel", &Cascade::parallel, "A tier costs its dearest member, not the sum.")
      .def_readonly("loss", &Cascade::loss, "Error rate on the data that its thresholds were set on: optimistic.")
      .def_readonly("cost", &Cascade::cost, "Mean cost of a sample on that data.")
      .def_readonly("worst_cost", &Cascade::worst_cost, "Of a sample that reaches the last tier.")
      .def_readonly("found_by", &Cascade::found_by,
                    "\"exact\" (no cascade of depth 2 from these tiers is better on the data), \"extended\" or \"hand\".")
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

void register_report(py::module_& m) {
  py::class_<CascadeReport> report(m, "CascadeReport", "How a cascade or an ensemble did on a set of predictions.");
  report.def_readonly("samples", &CascadeReport::samples, "How many.")
      .def_readonly("accuracy", &CascadeReport::accuracy, "Share of the samples answered rightly.")
      .def_readonly("accuracy_low", &CascadeReport::accuracy_low,
                    "Lower end of its 95 % interval (Wilson's score interval).")
      .def_readonly("accuracy_high", &CascadeReport::accuracy_high, "Upper end of it.")
      .def_readonly("loss", &CascadeReport::loss, "Error rate.")
      .def_readonly("mean_cost", &CascadeReport::mean_cost, "Of a sample, in the unit of the costs given.")
      .def_readonly("worst_cost", &CascadeReport::worst_cost, "Of a sample that reaches the last tier.")
      .def_property_readonly(
          "reach", [](const CascadeReport& self) { return as_array(self.reach); },
          "[models] float64: share of the samples that reach each model; 0 for models outside.")
      .def_property_readonly(
          "demand", [](const CascadeReport& self) { return as_array(self.demand); },
          "[models] float64: reach, but at least one sample's share for each model of the cascade. What plan() takes.")
      .def_property_readonly(
          "tier", [](const CascadeReport& self) { return as_array(self.tier); },
          "[samples] int32: the tier that answered, from 0.")
      .def_property_readonly(
          "tier_share", [](const CascadeReport& self) { return as_array(self.tier_share); },
          "[depth] float64: share of the samples that each tier answered.")
      .def_property_readonly(
          "answers", [](const CascadeReport& self) { return as_array(self.answers); }, "[samples] int32: classes.")
      .def(py::self == py::self)
      .def("__repr__", [](const CascadeReport& self) { return text_of(self); });
  bind_document<CascadeReport>(report, &cascade_report_from_json, &load_cascade_report, "report");
}

CascadeFront find(const Predictions& predictions, const py::object& cost, int max_depth, const std::string& signal,
                  const std::string& combine, std::optional<double> max_worst_cost,
                  const std::optional<std::vector<int>>& tier_sizes, bool parallel, int threads, int max_tiers) {
  const std::vector<double> costs = as_doubles(cost, "cost");
  CascadeOptions options;
  options.max_depth = max_depth;
  options.signal = signal_from_string(signal);
  options.combine = combine_from_string(combine);
  options.max_worst_cost = max_worst_cost;
  options.tier_sizes = tier_sizes.value_or(std::vector<int>());
  options.parallel = parallel;
  options.threads = threads;
  options.max_tiers = max_tiers;
  const py::gil_scoped_release release;
  return find_cascades(predictions, costs, options);
}

template <class Committee>
CascadeReport evaluate_on(const Committee& committee, const Predictions& predictions, const py::object& cost) {
  const std::vector<double> costs = as_doubles(cost, "cost");
  const py::gil_scoped_release release;
  return evaluate(committee, predictions, costs);
}

void register_functions(py::module_& m) {
  m.def(
      "find_cascades", &find, py::arg("predictions"), py::arg("cost"), py::arg("max_depth") = 3,
      py::arg("signal") = "confidence", py::arg("combine") = "last", py::arg("max_worst_cost") = py::none(),
      py::arg("tier_sizes") = py::none(), py::arg("parallel") = false, py::arg("threads") = 0, py::arg("max_tiers") = 512,
      "The front of mean cost against error rate over cascades of up to max_depth tiers, on held-out predictions.\n\n"
      "cost: [models], of one sample on each. signal: \"confidence\", \"agreement\" or \"vote_agreement\". combine: "
      "\"last\" or \"mean\". max_worst_cost: of a sample that reaches the last tier. tier_sizes: how many members a tier "
      "that may stop early has; None: (1,) for confidence, (1, 2, 3) else. parallel: a tier costs its dearest member. "
      "max_tiers: with more tiers than that, tiers of several members come from the best models only, and found_by says "
      "so. threads: 0 for all cores; the answer does not depend on it.\n\n"
      "Exact for depth 1 and 2: every pair of tiers with every threshold that decides differently. Deeper cascades extend "
      "the front's, exact in the threshold added, and are not proven to be the best of their depth. Wang et al., Wisdom of "
      "Committees (arXiv 2012.01988); agreement-based cascading (arXiv 2407.02348).\n\n"
      "ValueError for a cost that is negative, not finite or not [models], unknown names, or a max_worst_cost below the "
      "cheapest model's cost.");
  m.def(
      "calibrate",
      [](const Cascade& cascade, const Predictions& predictions, double max_loss_increase, double delta,
         std::uint64_t seed) {
        return calibrate(cascade, predictions, {.max_loss_increase = max_loss_increase, .delta = delta, .seed = seed});
      },
      py::arg("cascade"), py::arg("predictions"), py::arg("max_loss_increase") = 0.01, py::arg("delta") = 0.05,
      py::arg("seed") = 0, py::call_guard<py::gil_scoped_release>(),
      "The cascade with thresholds under which its error rate exceeds that without early stops by more than "
      "max_loss_increase with probability at most delta, and the certificate that says so.\n\n"
      "predictions: fresh samples, drawn from the stream to be served, that had no part in training, selecting or finding. "
      "seed: of the order in which they are looked at. Holds for any sample size: fixed-sequence testing (Angelopoulos et "
      "al., Learn then Test, 2021) by betting (Waudby-Smith and Ramdas 2024). Where too few samples certify nothing, no "
      "tier "
      "stops early and certificate.holds is False.\n\n"
      "ValueError where max_loss_increase or delta is not between 0 and 1 or the cascade names models that are not there.");
  m.def("evaluate", &evaluate_on<Cascade>, py::arg("committee"), py::arg("predictions"), py::arg("cost"),
        "Accuracy, cost and reach of a cascade on predictions [models, samples, classes] at cost [models].\n\n"
        "ValueError for a cost that is negative, not finite or not [models], or a model that is not there.");
  m.def("evaluate", &evaluate_on<Ensemble>, py::arg("committee"), py::arg("predictions"), py::arg("cost"),
        "The same of an ensemble, asked in series.");
}

}  // namespace

void register_route(py::module_& m) {
  register_tier(m);
  register_certificate(m);
  register_cascade(m);
  register_report(m);
  register_functions(m);
}

}  // namespace quorate::python
