// What a front is worth on other data, and how differently its members err.
#include <cmath>
#include <iomanip>
#include <limits>
#include <numeric>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "costs.h"
#include "quorate/select/diversity.h"
#include "quorate/select/evaluate_front.h"

namespace quorate::python {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string interval(double value, double low, double high) {
  std::ostringstream out;
  out << std::setprecision(4) << value << " [" << std::setprecision(3) << low << ", " << high << "]";
  return out.str();
}

std::string text_of(const SingleComparison& single) {
  return message("SingleComparison(model=", single.model, ", loss=", single.loss,
                 ", gain=", interval(single.gain, single.gain_low, single.gain_high), ")");
}

std::string text_of(const EvaluatedPoint& point) {
  return message("EvaluatedPoint(cost=", point.ensemble.cost, ", selected_loss=", point.ensemble.loss,
                 ", loss=", interval(point.loss, point.loss_low, point.loss_high), ", members=[",
                 joined(point.ensemble.members), "])");
}

std::string text_of(const AsGood& found) {
  return message("AsGood(point=", found.point, ", cost_ratio=", found.cost_ratio, ")");
}

std::string table_of(const FrontEvaluation& evaluation) {
  std::ostringstream out;
  out << "FrontEvaluation of " << evaluation.points.size() << " on " << evaluation.samples
      << " held-out samples: " << name_of(evaluation.metric) << ", " << 100 * evaluation.level << " % intervals from "
      << evaluation.draws << " draws; gains are over (models) alone\n"
      << std::setw(11) << "cost" << std::setw(11) << "selected" << std::setw(27) << "held out" << std::setw(35)
      << "gain over the best" << std::setw(35) << "over the best at its cost"
      << "  members";
  const auto gain = [](const SingleComparison& single) {
    return interval(single.gain, single.gain_low, single.gain_high) + message(" (", single.model, ")");
  };
  out << std::setprecision(4);
  for (const EvaluatedPoint& point : evaluation.points)
    out << "\n"
        << std::setw(11) << point.ensemble.cost << std::setw(11) << point.ensemble.loss << std::setw(27)
        << interval(point.loss, point.loss_low, point.loss_high) << std::setw(35) << gain(point.best) << std::setw(35)
        << (point.at_cost ? gain(*point.at_cost) : "-") << "  " << joined(point.ensemble.members);
  if (evaluation.as_good)
    out << "\nas good as model " << evaluation.points[0].best.model << " alone, the best: point "
        << evaluation.as_good->point << ", for " << evaluation.as_good->cost_ratio << " of its cost";
  return out.str();
}

// [points] of a figure of each, as a property.
template <class OfPoint>
auto array_of(OfPoint of_point) {
  return [of_point](const FrontEvaluation& self) {
    std::vector<double> values;
    for (const EvaluatedPoint& point : self.points) values.push_back(of_point(point));
    return to_array(values, {static_cast<py::ssize_t>(values.size())});
  };
}

// [points, 2] of two of them.
template <class Low, class High>
auto interval_of(Low low, High high) {
  return [low, high](const FrontEvaluation& self) {
    std::vector<double> values;
    for (const EvaluatedPoint& point : self.points) values.insert(values.end(), {low(point), high(point)});
    return to_array(values, {static_cast<py::ssize_t>(self.points.size()), 2});
  };
}

void register_points(py::module_& m) {
  py::class_<SingleComparison>(m, "SingleComparison", "A model alone beside an ensemble, on the same held-out samples.")
      .def_readonly("model", &SingleComparison::model, "Its index.")
      .def_readonly("loss", &SingleComparison::loss, "Its loss on the held-out data.")
      .def_readonly("gain", &SingleComparison::gain, "Its loss minus the ensemble's: positive where the ensemble is better.")
      .def_readonly("gain_low", &SingleComparison::gain_low, "The gain's interval, from paired draws: its lower end,")
      .def_readonly("gain_high", &SingleComparison::gain_high, "and its upper end.")
      .def(py::self == py::self)
      .def("__repr__", [](const SingleComparison& self) { return text_of(self); });

  py::class_<EvaluatedPoint>(m, "EvaluatedPoint", "An ensemble of a front and what it does on held-out data.")
      .def_readonly("ensemble", &EvaluatedPoint::ensemble, "As it stands on the front.")
      .def_property_readonly(
          "cost", [](const EvaluatedPoint& self) { return self.ensemble.cost; }, "Of one sample, as on the front.")
      .def_property_readonly(
          "selected_loss", [](const EvaluatedPoint& self) { return self.ensemble.loss; },
          "On the data that it was selected on: optimistic.")
      .def_readonly("loss", &EvaluatedPoint::loss, "On the held-out data.")
      .def_readonly("loss_low", &EvaluatedPoint::loss_low, "The loss's interval: its lower end,")
      .def_readonly("loss_high", &EvaluatedPoint::loss_high, "and its upper end.")
      .def_readonly("best", &EvaluatedPoint::best, "Against the model of least held-out loss of all.")
      .def_readonly(
          "at_cost", &EvaluatedPoint::at_cost,
          "Against the model of least held-out loss among those no dearer than the ensemble; None without costs or "
          "where there is none.")
      .def(py::self == py::self)
      .def("__repr__", [](const EvaluatedPoint& self) { return text_of(self); });
}

void register_as_good(py::module_& m) {
  py::class_<AsGood>(m, "AsGood",
                     "The cheapest point of a front that is no worse than the best model alone, on held-out data.")
      .def_readonly("point", &AsGood::point,
                    "Its index: points[point].best is its loss beside that model's, with the interval of their difference.")
      .def_readonly("cost_ratio", &AsGood::cost_ratio, "What it costs over what the model does, by the first cost.")
      .def(py::self == py::self)
      .def("__repr__", [](const AsGood& self) { return text_of(self); });
}

void add_arrays(py::class_<FrontEvaluation>& evaluation) {
  const auto at_cost = [](double SingleComparison::*figure) {
    return [figure](const EvaluatedPoint& point) { return point.at_cost ? (*point.at_cost).*figure : kNone; };
  };
  const auto best = [](double SingleComparison::*figure) {
    return [figure](const EvaluatedPoint& point) { return point.best.*figure; };
  };
  evaluation
      .def_property_readonly("cost", array_of([](const EvaluatedPoint& point) { return point.ensemble.cost; }),
                             "[points], of one sample.")
      .def_property_readonly("selected_loss", array_of([](const EvaluatedPoint& point) { return point.ensemble.loss; }),
                             "[points], on the data of the selection: optimistic.")
      .def_property_readonly("loss", array_of([](const EvaluatedPoint& point) { return point.loss; }),
                             "[points], on the held-out data.")
      .def_property_readonly("loss_interval",
                             interval_of([](const EvaluatedPoint& point) { return point.loss_low; },
                                         [](const EvaluatedPoint& point) { return point.loss_high; }),
                             "[points, 2]: lower and upper ends.")
      .def_property_readonly("gain", array_of(best(&SingleComparison::gain)),
                             "[points]: the best model's loss minus the ensemble's.")
      .def_property_readonly("gain_interval",
                             interval_of(best(&SingleComparison::gain_low), best(&SingleComparison::gain_high)),
                             "[points, 2]: lower and upper ends.")
      .def_property_readonly(
          "gain_at_cost", array_of(at_cost(&SingleComparison::gain)),
          "[points]: the same against the best model no dearer than the ensemble; NaN where there is none.")
      .def_property_readonly("gain_at_cost_interval",
                             interval_of(at_cost(&SingleComparison::gain_low), at_cost(&SingleComparison::gain_high)),
                             "[points, 2]: lower and upper ends.");
}

void register_evaluation(py::module_& m) {
  py::class_<FrontEvaluation> evaluation(m, "FrontEvaluation",
                                         "What a front's ensembles do on data that they were not selected on: one "
                                         "EvaluatedPoint each, in the front's order. See evaluate_front().");
  evaluation
      .def_property_readonly(
          "metric", [](const FrontEvaluation& self) { return name_of(self.metric); }, "What the losses are.")
      .def_readonly("samples", &FrontEvaluation::samples, "Of the held-out data.")
      .def_readonly("draws", &FrontEvaluation::draws, "Of the bootstrap.")
      .def_readonly("level", &FrontEvaluation::level, "Of the intervals.")
      .def_readonly("seed", &FrontEvaluation::seed, "Of the draws.")
      .def_readonly("points", &FrontEvaluation::points, "[points], cheapest first.")
      .def_readonly(
          "as_good", &FrontEvaluation::as_good,
          "The cheapest point that is no worse than the best model alone; None without costs or where there is none. "
          "Chosen by the held-out losses, which flatters it.")
      .def("__len__", [](const FrontEvaluation& self) { return self.points.size(); })
      .def(
          "__iter__", [](const FrontEvaluation& self) { return py::make_iterator(self.points.begin(), self.points.end()); },
          py::keep_alive<0, 1>())
      .def(py::self == py::self)
      .def("__repr__", &table_of)
      .def(
          "to_json", [](const FrontEvaluation& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", &front_evaluation_from_json, py::arg("text"), py::arg("name") = "evaluation",
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const FrontEvaluation& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", &load_front_evaluation, py::arg("path"), "Reads what save wrote.");
  add_arrays(evaluation);

  m.def(
      "evaluate_front",
      [](const EnsembleFront& front, const Predictions& held_out, const py::object& cost, const std::string& metric,
         int draws, double level, std::uint64_t seed, const py::object& sample_weight, int threads) {
        const std::vector<Cost> costs = cost.is_none() ? std::vector<Cost>{} : named_costs(cost);
        EvaluateFrontOptions options{metric_from_name(metric), draws, level, seed, {}, threads};
        if (!sample_weight.is_none()) options.sample_weight = as_doubles(sample_weight, "sample_weight");
        const py::gil_scoped_release unlocked;
        return evaluate_front(front, held_out, costs, options);
      },
      py::arg("front"), py::arg("held_out"), py::arg("cost") = py::none(), py::arg("metric") = "log_loss",
      py::arg("draws") = 10'000, py::arg("level") = 0.95, py::arg("seed") = 0, py::kw_only(),
      py::arg("sample_weight") = py::none(), py::arg("threads") = 0,
      "What a front's ensembles do on data that they were not selected on, beside the models alone.\n\n"
      "front: an EnsembleFront. held_out: Predictions of the same models, in the same order, on samples that nothing was "
      "selected on. cost: [models] or {name: [models]}, as select() was given it: each ensemble is then also compared with "
      "the best model that is no dearer. metric: see loss(). draws: resamplings of the held-out samples. level: of the "
      "intervals, in (0, 1). sample_weight: [samples]. threads: 0 for all cores; the result is the same for any number.\n\n"
      "Gives a FrontEvaluation. Intervals are the percentile bootstrap's (Efron 1979) over samples; one draw serves all "
      "points and models, so that the interval of a gain is that of a paired difference. The best model is chosen on the "
      "held-out data itself, which flatters the model, never the ensemble. Not covered: looking at many points, models "
      "trained anew, few samples (below about 50). ValueError for a front without points, a member that held_out lacks, "
      "draws < 1, a level outside (0, 1), and whatever loss() refuses.");
}

py::object matrix(const std::vector<double>& values, std::size_t members) {
  if (values.empty()) return py::none();
  const auto side = static_cast<py::ssize_t>(members);
  return to_array(values, {side, side});
}

// With the members that its rows stand for.
struct NamedDiversity {
  std::vector<int> members;
  Diversity matrices;
};

void register_diversity(py::module_& m) {
  py::class_<NamedDiversity>(m, "Diversity", "How differently models err: matrices [members, members]. See diversity().")
      .def_readonly("members", &NamedDiversity::members, "The models that rows and columns stand for.")
      .def_property_readonly(
          "disagreement", [](const NamedDiversity& self) { return matrix(self.matrices.disagreement, self.members.size()); },
          "Share of samples that two models answer differently; None for predictions of values.")
      .def_property_readonly(
          "error_correlation",
          [](const NamedDiversity& self) { return matrix(self.matrices.error_correlation, self.members.size()); },
          "Pearson's correlation of being wrong (of values: of the residuals); 1 on the diagonal.")
      .def_property_readonly(
          "double_fault", [](const NamedDiversity& self) { return matrix(self.matrices.double_fault, self.members.size()); },
          "Share of samples that both answer wrongly, on the diagonal the error rate; None for predictions of values.")
      .def("__repr__",
           [](const NamedDiversity& self) { return message("Diversity(members=[", joined(self.members), "])"); });

  m.def(
      "diversity",
      [](const Predictions& predictions, const std::optional<std::vector<int>>& members, int threads) {
        std::vector<int> which = members.value_or(std::vector<int>(predictions.models()));
        if (!members) std::iota(which.begin(), which.end(), 0);
        const py::gil_scoped_release unlocked;
        Diversity found = diversity(predictions, which, threads);
        return NamedDiversity{std::move(which), std::move(found)};
      },
      py::arg("predictions"), py::arg("members") = py::none(), py::arg("threads") = 0,
      "How differently models err: low error correlation is what makes a combination better than its members.\n\n"
      "members: indices of models; None: all. Gives a Diversity of arrays [members, members]: disagreement, "
      "error_correlation and double_fault (Giacinto and Roli 2001). A model that is never wrong, or always, has no "
      "correlation with any other: 0. Of values, the correlation is that of the residuals, averaged over outputs, and the "
      "other two are None. ValueError for no members and for one that the predictions lack.");
}

}  // namespace

void register_select_evaluation(py::module_& m) {
  register_points(m);
  register_as_good(m);
  register_evaluation(m);
  register_diversity(m);
}

}  // namespace quorate::python
