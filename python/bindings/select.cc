#include "quorate/select/select.h"

#include <iomanip>
#include <limits>

#include "bindings.h"
#include "core/message.h"
#include "front.h"
#include "quorate/select/ensemble.h"

namespace quorate::python {
namespace {

std::string text_of(const Ensemble& ensemble) {
  return message("Ensemble(members=[", joined(ensemble.members), "], weights=[", joined(ensemble.weights),
                 "], loss=", ensemble.loss, ", cost=", ensemble.cost, ", found_by=\"", ensemble.found_by, "\")");
}

std::string table_of(const EnsembleFront& front) {
  std::ostringstream out;
  out << "EnsembleFront of " << front.size() << ", cheapest first\n"
      << std::setw(12) << "cost" << std::setw(12) << "loss"
      << "  " << std::left << std::setw(14) << "found by"
      << "members";
  for (const Ensemble& ensemble : front) {
    out << "\n" << std::right << std::setw(12) << ensemble.cost << std::setw(12) << ensemble.loss << "  " << std::left;
    out << std::setw(14) << ensemble.found_by << joined(ensemble.members);
  }
  return out.str();
}

Ensemble made_by_hand(std::vector<int> members, std::vector<double> weights, double loss, double cost,
                      std::string found_by) {
  Ensemble ensemble{std::move(members), std::move(weights), loss, cost, std::move(found_by)};
  check(ensemble, std::numeric_limits<std::size_t>::max());
  return ensemble;
}

void register_ensemble(py::module_& m) {
  py::class_<Ensemble>(m, "Ensemble",
                       "A committee that answers with the weighted mean of its members' scores.\n\n"
                       "members: indices of models, ascending, each at most once. weights: as many, positive, sum 1 within "
                       "1e-6. ValueError where they are not.")
      .def(py::init(&made_by_hand), py::arg("members"), py::arg("weights"), py::kw_only(), py::arg("loss") = 0.0,
           py::arg("cost") = 0.0, py::arg("found_by") = "hand")
      .def_readonly("members", &Ensemble::members, "Indices of models, ascending.")
      .def_readonly("weights", &Ensemble::weights, "[members], positive, sum 1.")
      .def_readonly("loss", &Ensemble::loss, "On the data that it was selected on: optimistic.")
      .def_readonly("cost", &Ensemble::cost, "Of one sample through all members, in the unit that select() was given.")
      .def_readonly("found_by", &Ensemble::found_by, "Which search found it, or \"hand\".")
      .def(py::self == py::self)
      .def("__repr__", &text_of)
      .def(
          "to_json", [](const Ensemble& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", &ensemble_from_json, py::arg("text"), py::arg("name") = "ensemble",
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const Ensemble& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", &load_ensemble, py::arg("path"), "Reads what save wrote.");
}

void register_front(py::module_& m) {
  bind_front<Ensemble>(m, "EnsembleFront", "Ensemble",
                       "Ensembles of which none is both dearer and worse than another: ascending cost, descending loss.")
      .def("__repr__", &table_of)
      .def(
          "to_json", [](const EnsembleFront& self) { return to_json(self); }, "A JSON document.")
      .def_static("from_json", &ensemble_front_from_json, py::arg("text"), py::arg("name") = "front",
                  "Reads to_json's document; FileError, calling it name, where it is not one.")
      .def(
          "save", [](const EnsembleFront& self, const std::filesystem::path& path) { save(self, path); }, py::arg("path"),
          "Writes to_json's document in one step. FileError where that fails.")
      .def_static("load", &load_ensemble_front, py::arg("path"), "Reads what save wrote.");
}

SelectOptions options_from(const std::string& metric, int max_size, bool with_replacement, bool parallel, int caps,
                           int threads) {
  return {metric_from_name(metric), max_size, with_replacement, parallel, caps, threads};
}

void register_functions(py::module_& m) {
  m.def(
      "loss",
      [](const Ensemble& ensemble, const Predictions& predictions, const std::string& metric, int threads) {
        const Metric which = metric_from_name(metric);
        const py::gil_scoped_release unlocked;
        return loss(which, predictions, ensemble, threads);
      },
      py::arg("ensemble"), py::arg("predictions"), py::arg("metric") = "log_loss", py::arg("threads") = 0,
      "The ensemble's loss on these predictions, lower is better.\n\n"
      "metric: \"log_loss\" (probabilities clipped to [1e-15, 1]), \"accuracy\" (the error rate) or \"brier\" (mean over "
      "samples of the sum of squares over classes, in [0, 2]). threads: 0 for all cores; the result is the same for any "
      "number. "
      "ValueError for another metric, for a member that the predictions lack, and for log_loss or brier of hard votes.");

  m.def(
      "select",
      [](const Predictions& predictions, const py::object& cost, const std::string& metric, int max_size,
         bool with_replacement, bool parallel, int caps, int threads) {
        const std::vector<double> costs = as_doubles(cost, "cost");
        const SelectOptions options = options_from(metric, max_size, with_replacement, parallel, caps, threads);
        const py::gil_scoped_release unlocked;
        return select(predictions, costs, options);
      },
      py::arg("predictions"), py::arg("cost"), py::arg("metric") = "log_loss", py::arg("max_size") = 16,
      py::arg("with_replacement") = true, py::arg("parallel") = false, py::arg("caps") = 8, py::arg("threads") = 0,
      "The ensembles worth having at every budget, cheapest first.\n\n"
      "cost: [models], of one sample, in any unit; a member counts once however often it was picked. metric: see loss(). "
      "max_size: picks, repeats counted. with_replacement: a model picked k times has weight k / picks. parallel: an "
      "ensemble "
      "costs its dearest member, not the sum. caps: budgets for which a greedy of its own is run. threads: 0 for all cores; "
      "the "
      "result is the same for any number.\n\n"
      "The front is drawn from single models, from the prefixes of the greedy forward selection of Caruana et al. 2004, of "
      "a "
      "greedy by fall in loss per added cost, and of greedies under cost caps; each point's found_by says which. Losses are "
      "those on the data given: optimistic. ValueError for a cost that is negative, not finite or not one for each model, "
      "max_size < 1, an unknown metric, and log_loss or brier of hard votes.");

  m.def(
      "greedy",
      [](const Predictions& predictions, const py::object& cost, const std::string& metric, int max_size,
         bool with_replacement, int threads) {
        const std::vector<double> costs = as_doubles(cost, "cost");
        const SelectOptions options = options_from(metric, max_size, with_replacement, false, 0, threads);
        const py::gil_scoped_release unlocked;
        return greedy(predictions, costs, options);
      },
      py::arg("predictions"), py::arg("cost"), py::arg("metric") = "log_loss", py::arg("max_size") = 16,
      py::arg("with_replacement") = true, py::arg("threads") = 0,
      "The greedy forward selection alone (Caruana, Niculescu-Mizil, Crew, Ksikes 2004): each step adds the model with "
      "which the "
      "mean of all picks so far has the least loss. Ties (losses within 1e-12 (1 + the least)) go to the cheapest model, "
      "then "
      "the lowest index; cost [models] serves no other end here. Arguments and errors as in select().");
}

}  // namespace

void register_select(py::module_& m) {
  register_ensemble(m);
  register_front(m);
  py::class_<GreedyPath>(m, "GreedyPath", "What a greedy picked, in its order.")
      .def_readonly("picks", &GreedyPath::picks, "Indices of models; a model may come several times.")
      .def_readonly("losses", &GreedyPath::losses, "[picks]: of the mean of the first 1, 2, ... picks.")
      .def("__repr__", [](const GreedyPath& self) {
        return message("GreedyPath(picks=[", joined(self.picks), "], losses=[", joined(self.losses), "])");
      });
  register_functions(m);
}

}  // namespace quorate::python
