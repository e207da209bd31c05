#include <iomanip>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "quorate/route/evaluate.h"
#include "route.h"

namespace quorate::python {
namespace {

std::string text_of(const Estimate& estimate) {
  return message(estimate.value, " [", estimate.low, ", ", estimate.high, "]");
}

std::string text_of(const ClassReport& one) {
  return message("ClassReport(samples=", one.samples, ", answered=", one.answered, ", accuracy=", one.accuracy, " [",
                 one.accuracy_low, ", ", one.accuracy_high, "], mean_cost=", one.mean_cost, ", tier_share=[",
                 joined(one.tier_share), "])");
}

std::string text_of(const CascadeComparison& row) {
  return message("CascadeComparison(name=\"", row.name, "\", loss=", row.loss, ", mean_cost=", row.mean_cost,
                 ", loss_difference=", text_of(row.loss_difference), ", cost_ratio=", text_of(row.cost_ratio), ": ",
                 row.verdict(), ")");
}

std::string text_of(const CascadeReport& report) {
  return message("CascadeReport(samples=", report.samples, ", accuracy=", report.accuracy, " [", report.accuracy_low, ", ",
                 report.accuracy_high, "], mean_cost=", report.mean_cost, " [", report.mean_cost_low, ", ",
                 report.mean_cost_high, "], worst_cost=", report.worst_cost, ", tier_share=[", joined(report.tier_share),
                 "])");
}

// The report in one line, and the comparison below it.
std::string table_of(const CascadeReport& report) {
  std::ostringstream out;
  out << text_of(report);
  if (report.comparison.empty()) return out.str();
  out << "\n"
      << std::setw(12) << "loss" << std::setw(12) << "cost"
      << "  the cascade beside it";
  for (const CascadeComparison& row : report.comparison)
    out << "\n"
        << std::setw(12) << row.loss << std::setw(12) << row.mean_cost << "  " << row.name << ": " << row.verdict()
        << "; loss " << text_of(row.loss_difference) << ", cost x " << text_of(row.cost_ratio);
  return out.str();
}

template <class T>
py::array_t<T> as_array(const std::vector<T>& values) {
  return to_array(values, {static_cast<py::ssize_t>(values.size())});
}

void register_parts(py::module_& m) {
  py::class_<Estimate>(m, "Estimate", "A figure with the ends of its interval.")
      .def_readonly("value", &Estimate::value, "The figure.")
      .def_readonly("low", &Estimate::low, "The interval's lower end,")
      .def_readonly("high", &Estimate::high, "and its upper end.")
      .def("__float__", [](const Estimate& self) { return self.value; })
      .def(py::self == py::self)
      .def("__repr__", [](const Estimate& self) { return text_of(self); });

  py::class_<CostReport>(m, "CostReport", "What a sample costs in one of the further costs.")
      .def_readonly("mean", &CostReport::mean, "Of a sample, an Estimate.")
      .def_readonly("worst", &CostReport::worst, "Of a sample that reaches the last tier, as worst_cost.")
      .def(py::self == py::self)
      .def("__repr__", [](const CostReport& self) {
        return message("CostReport(mean=", text_of(self.mean), ", worst=", self.worst, ")");
      });

  py::class_<ClassReport>(m, "ClassReport", "The samples of one true class.")
      .def_readonly("samples", &ClassReport::samples, "How many are of this class.")
      .def_readonly("answered", &ClassReport::answered, "Samples of any class that got this class as their answer.")
      .def_readonly("accuracy", &ClassReport::accuracy,
                    "Recall: the share of the class's samples answered rightly; 0 without samples.")
      .def_readonly("accuracy_low", &ClassReport::accuracy_low, "Lower end of its interval (Wilson's); 0 without samples.")
      .def_readonly("accuracy_high", &ClassReport::accuracy_high, "Upper end of it; 1 without samples.")
      .def_readonly("mean_cost", &ClassReport::mean_cost, "Of a sample of this class.")
      .def_property_readonly(
          "tier_share", [](const ClassReport& self) { return as_array(self.tier_share); },
          "[depth] float64: share of the class's samples that each tier answered.")
      .def(py::self == py::self)
      .def("__repr__", [](const ClassReport& self) { return text_of(self); });
}

void register_comparison(py::module_& m) {
  py::class_<CascadeComparison>(m, "CascadeComparison", "Another way to answer the same samples, beside the cascade.")
      .def_property_readonly(
          "model", [](const CascadeComparison& self) { return self.model < 0 ? std::optional<int>() : self.model; },
          "Index of the model; None: the mean of all models of the cascade, asked as one tier.")
      .def_readonly("name", &CascadeComparison::name, "The model's, or \"mean of all\".")
      .def_readonly("loss", &CascadeComparison::loss, "Its error rate.")
      .def_readonly("mean_cost", &CascadeComparison::mean_cost, "Of a sample.")
      .def_readonly("loss_difference", &CascadeComparison::loss_difference,
                    "The cascade's loss minus this one's, an Estimate: below 0 where the cascade is better.")
      .def_readonly("cost_ratio", &CascadeComparison::cost_ratio,
                    "The cascade's mean cost over this one's, an Estimate: below 1 where the cascade is cheaper.")
      .def_readonly("cost_ratios", &CascadeComparison::cost_ratios, "The same of further costs: {name: Estimate}.")
      .def_property_readonly("better", &CascadeComparison::better, "The loss difference's interval lies below 0.")
      .def_property_readonly("worse", &CascadeComparison::worse, "It lies above 0.")
      .def_property_readonly("cheaper", &CascadeComparison::cheaper, "The cost ratio's interval lies below 1.")
      .def_property_readonly("dearer", &CascadeComparison::dearer, "It lies above 1.")
      .def_property_readonly("verdict", &CascadeComparison::verdict,
                             "What the data show of the cascade: \"better, cheaper\", \"loss undecided, cheaper\" ...")
      .def(py::self == py::self)
      .def("__repr__", [](const CascadeComparison& self) { return text_of(self); });
}

void add_figures(py::class_<CascadeReport>& report) {
  report.def_readonly("samples", &CascadeReport::samples, "How many.")
      .def_readonly("level", &CascadeReport::level, "Of all intervals.")
      .def_readonly("draws", &CascadeReport::draws, "Of the bootstrap.")
      .def_readonly("seed", &CascadeReport::seed, "Of the draws.")
      .def_readonly("accuracy", &CascadeReport::accuracy, "Share of the samples answered rightly.")
      .def_readonly("accuracy_low", &CascadeReport::accuracy_low, "Lower end of its interval (Wilson's score interval).")
      .def_readonly("accuracy_high", &CascadeReport::accuracy_high, "Upper end of it.")
      .def_readonly("loss", &CascadeReport::loss, "Error rate.")
      .def_property_readonly(
          "loss_low", [](const CascadeReport& self) { return 1.0 - self.accuracy_high; },
          "Lower end of its interval, 1 - accuracy_high.")
      .def_property_readonly(
          "loss_high", [](const CascadeReport& self) { return 1.0 - self.accuracy_low; }, "Upper end of it.")
      .def_readonly("mean_cost", &CascadeReport::mean_cost, "Of a sample, in the unit of the costs given.")
      .def_readonly("mean_cost_low", &CascadeReport::mean_cost_low, "Lower end of its interval (percentile bootstrap).")
      .def_readonly("mean_cost_high", &CascadeReport::mean_cost_high, "Upper end of it.")
      .def_readonly("worst_cost", &CascadeReport::worst_cost,
                    "Of a sample that reaches the last tier; where samples have their own costs, of the worst.")
      .def_readonly("costs", &CascadeReport::costs, "Further costs: {name: CostReport}.")
      .def_readonly("bytes_per_sample", &CascadeReport::bytes_per_sample, "Sent between tiers, an Estimate.")
      .def_readonly("bytes_to_last", &CascadeReport::bytes_to_last,
                    "What every sample would send if all were handed to the last tier.")
      .def_property_readonly("bytes_ratio", &CascadeReport::bytes_ratio,
                             "bytes_per_sample over bytes_to_last; 0 where nothing is sent.")
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
          "answers", [](const CascadeReport& self) { return as_array(self.answers); }, "[samples] int32: classes.");
}

void register_cascade_report(py::module_& m) {
  py::class_<CascadeReport> report(m, "CascadeReport", "How a cascade or an ensemble did on a set of predictions.");
  add_figures(report);
  report.def_readonly("per_class", &CascadeReport::per_class, "[classes] of ClassReport.")
      .def_readonly("comparison", &CascadeReport::comparison,
                    "CascadeComparison with every model alone, in their order, then with the mean of all.")
      .def(
          "at_equal_accuracy",
          [](const CascadeReport& self, bool within_interval) {
            const CascadeComparison* row = at_equal_accuracy(self, within_interval);
            return row == nullptr ? std::optional<CascadeComparison>() : *row;
          },
          py::arg("within_interval") = false,
          "Among single models the cheapest whose loss is not higher than the cascade's; its cost_ratio is the cost at "
          "equal "
          "accuracy. within_interval: models of higher loss count, too, unless the data show that the cascade is better. "
          "None where there is none. ValueError for a report without comparison.")
      .def(py::self == py::self)
      .def("__str__", &table_of)
      .def("__repr__", [](const CascadeReport& self) { return text_of(self); });
  bind_document<CascadeReport>(report, &cascade_report_from_json, &load_cascade_report, "report");
}

template <class Committee>
CascadeReport evaluate_on(const Committee& committee, const Predictions& predictions, const py::object& cost, int draws,
                          double level, std::uint64_t seed, bool compare, const std::map<std::string, py::object>& costs,
                          const py::object& bytes_to_tier, const py::object& entry, int threads) {
  const ModelCosts main = as_model_costs(cost, "cost");
  EvaluateOptions options{.draws = draws, .level = level, .seed = seed, .compare = compare, .threads = threads};
  for (const auto& [name, further] : costs) options.costs.emplace(name, as_model_costs(further, "costs[\"" + name + "\"]"));
  if (!bytes_to_tier.is_none()) options.bytes_to_tier = as_doubles(bytes_to_tier, "bytes_to_tier");
  if (!entry.is_none()) options.entry = as_int32(entry, "entry");
  const py::gil_scoped_release release;
  return evaluate(committee, predictions, main, options);
}

template <class Committee>
void def_evaluate(py::module_& m, const char* doc) {
  m.def("evaluate", &evaluate_on<Committee>, py::arg("committee"), py::arg("predictions"), py::arg("cost"), py::kw_only(),
        py::arg("draws") = 2'000, py::arg("level") = 0.95, py::arg("seed") = 0, py::arg("compare") = true,
        py::arg("costs") = std::map<std::string, py::object>(), py::arg("bytes_to_tier") = py::none(),
        py::arg("entry") = py::none(), py::arg("threads") = 0, doc);
}

}  // namespace

void register_report(py::module_& m) {
  register_parts(m);
  register_comparison(m);
  register_cascade_report(m);
  def_evaluate<Cascade>(
      m,
      "Accuracy, cost and reach of a cascade on predictions that it was neither found nor calibrated on, beside every model "
      "alone and the mean of all its models.\n\n"
      "cost: [models], what one sample costs on each, or [models, samples]. costs: {name: the same} of further costs. "
      "bytes_to_tier: [depth], what one sample sends when it is handed to a tier; 0 where it stands at the same place as "
      "the "
      "one before. entry: [samples], the tier at which each starts, as a router chose. draws: of the bootstrap behind the "
      "intervals (0: none), level: of these, in (0, 1). compare=False leaves out the comparison, which reads every model's "
      "predictions. threads: 0 for all cores; the result is the same for any number.\n\n"
      "Intervals are Wilson's for accuracies and the percentile bootstrap's (Efron 1979) for the rest; a comparison's are "
      "paired. Not covered: data that anything was chosen on; many comparisons at once, each at its own level; differences "
      "that rest on fewer than about ten samples.\n\n"
      "ValueError for a cost that is negative, not finite or not one for each model (and sample), a model that is not "
      "there, "
      "draws < 0, a level outside (0, 1), bytes not one for each tier, and an entry that is no tier.");
  def_evaluate<Ensemble>(m, "The same of an ensemble, asked in series.");
}

}  // namespace quorate::python
