#include "quorate/select/select.h"

#include <iomanip>
#include <limits>

#include "bindings.h"
#include "core/message.h"
#include "costs.h"
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

Ensemble made_by_hand(std::vector<int> members, std::vector<double> weights, double loss, double cost, std::string found_by,
                      const std::string& combine, std::map<std::string, double> costs) {
  Ensemble ensemble{.members = std::move(members),
                    .weights = std::move(weights),
                    .loss = loss,
                    .cost = cost,
                    .found_by = std::move(found_by),
                    .combine = pooling_from_name(combine),
                    .costs = std::move(costs)};
  check(ensemble, std::numeric_limits<std::size_t>::max());
  return ensemble;
}

void register_ensemble(py::module_& m) {
  py::class_<Ensemble>(m, "Ensemble",
                       "A committee.\n\n"
                       "members: indices of models, ascending, each at most once. weights: as many, positive, sum 1 within "
                       "1e-6. combine: \"mean\" of the members' scores, of their \"logits\" (softmax of the mean log "
                       "probability), or \"vote\" (shares of the members' answers). ValueError where they are not.")
      .def(py::init(&made_by_hand), py::arg("members"), py::arg("weights"), py::kw_only(), py::arg("loss") = 0.0,
           py::arg("cost") = 0.0, py::arg("found_by") = "hand", py::arg("combine") = "mean",
           py::arg("costs") = std::map<std::string, double>{})
      .def_readonly("members", &Ensemble::members, "Indices of models, ascending.")
      .def_readonly("weights", &Ensemble::weights, "[members], positive, sum 1.")
      .def_readonly("loss", &Ensemble::loss, "On the data that it was selected on: optimistic.")
      .def_readonly("cost", &Ensemble::cost, "Of one sample through all members, in the unit that select() was given.")
      .def_readonly("found_by", &Ensemble::found_by, "Which search found it, or \"hand\".")
      .def_property_readonly(
          "combine", [](const Ensemble& self) { return std::string(name_of(self.combine)); },
          "\"mean\", \"logits\" or \"vote\".")
      .def_readonly("costs", &Ensemble::costs, "{name: cost} where select() was given several; else empty.")
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
  bind_front<Ensemble>(
      m, "EnsembleFront", "Ensemble",
      "Ensembles of which none is both dearer and worse than another: ascending cost, descending loss. With "
      "several costs none is dearer in all of them and worse.")
      .def("within", py::overload_cast<const std::map<std::string, double>&>(&EnsembleFront::within, py::const_),
           py::arg("max_cost"), py::return_value_policy::copy,
           "max_cost: {name: most}, of several costs; one that is not named has no limit.")
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

std::vector<std::string> names_in(const py::object& names, const std::string& argument) {
  if (py::isinstance<py::str>(names)) return {names.cast<std::string>()};
  try {
    return names.cast<std::vector<std::string>>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument(argument + " is " + py::repr(names).cast<std::string>() +
                                ", but must be True, False or names of costs");
  }
}

// `cost`: [models] or {name: [models]}; `parallel`: bool or names of costs; `budget`: None, a number for the only cost, or
// {name: number}.
std::vector<Cost> costs_from(const py::object& cost, const py::object& parallel, const py::object& budget) {
  std::vector<Cost> costs = named_costs(cost);
  require(!costs.empty(), "cost is {}, but must name at least one");
  const auto named = [&](const std::string& name, const char* argument) -> Cost& {
    for (Cost& one : costs)
      if (one.name == name) return one;
    throw std::invalid_argument(message(argument, " names \"", name, "\", which cost does not have"));
  };
  if (py::isinstance<py::bool_>(parallel)) {
    for (Cost& one : costs) one.parallel = parallel.cast<bool>();
  } else {
    for (const std::string& name : names_in(parallel, "parallel")) named(name, "parallel").parallel = true;
  }
  if (py::isinstance<py::dict>(budget)) {
    for (const auto& [name, most] : budget.cast<std::map<std::string, double>>()) named(name, "budget").budget = most;
  } else if (!budget.is_none()) {
    require(costs.size() == 1, "budget is one number, but cost has ", costs.size(), " names: give {name: number}");
    costs[0].budget = budget.cast<double>();
  }
  return costs;
}

std::vector<double> weights_from(const py::object& sample_weight) {
  return sample_weight.is_none() ? std::vector<double>{} : as_doubles(sample_weight, "sample_weight");
}

void register_loss(py::module_& m) {
  m.def(
      "loss",
      [](const Ensemble& ensemble, const Predictions& predictions, const std::string& metric, int threads,
         const py::object& sample_weight) {
        const Metric which = metric_from_name(metric);
        const std::vector<double> weights = weights_from(sample_weight);
        const py::gil_scoped_release unlocked;
        return loss(which, predictions, ensemble, threads, weights);
      },
      py::arg("ensemble"), py::arg("predictions"), py::arg("metric") = "log_loss", py::arg("threads") = 0, py::kw_only(),
      py::arg("sample_weight") = py::none(),
      "The ensemble's loss on these predictions, lower is better.\n\n"
      "metric: \"log_loss\" (probabilities clipped to [1e-15, 1]), \"accuracy\" (the error rate), \"brier\" (mean over "
      "samples of the sum of squares over classes, in [0, 2]), \"balanced_accuracy\" and \"macro_f1\" (1 - scikit-learn's), "
      "or of values \"mse\". sample_weight: [samples], not negative; None: all alike. threads: 0 for all cores; the result "
      "is the same for any number. ValueError for another metric, for a member that the predictions lack, and for log_loss "
      "or "
      "brier of hard votes.");
}

void register_select_function(py::module_& m) {
  m.def(
      "select",
      [](const Predictions& predictions, const py::object& cost, const std::string& metric, int max_size,
         const std::string& combine, bool with_replacement, const py::object& parallel, const py::object& budget,
         int sorted_start, int patience, int bags, double bag_fraction, std::uint64_t seed, int caps, bool swaps,
         const py::object& sample_weight, int threads, const std::string& device) {
        const std::vector<Cost> costs = costs_from(cost, parallel, budget);
        const SelectOptions options{.metric = metric_from_name(metric),
                                    .combine = pooling_from_name(combine),
                                    .max_size = max_size,
                                    .with_replacement = with_replacement,
                                    .sorted_start = sorted_start,
                                    .patience = patience,
                                    .bags = bags,
                                    .bag_fraction = bag_fraction,
                                    .seed = seed,
                                    .caps = caps,
                                    .swaps = swaps,
                                    .sample_weight = weights_from(sample_weight),
                                    .threads = threads,
                                    .device = device};
        const py::gil_scoped_release unlocked;
        return select(predictions, costs, options);
      },
      py::arg("predictions"), py::arg("cost"), py::arg("metric") = "log_loss", py::arg("max_size") = 16, py::kw_only(),
      py::arg("combine") = "mean", py::arg("with_replacement") = true, py::arg("parallel") = false,
      py::arg("budget") = py::none(), py::arg("sorted_start") = 0, py::arg("patience") = 0, py::arg("bags") = 0,
      py::arg("bag_fraction") = 0.5, py::arg("seed") = 0, py::arg("caps") = 40, py::arg("swaps") = true,
      py::arg("sample_weight") = py::none(), py::arg("threads") = 0, py::arg("device") = "cpu",
      "The ensembles worth having at every budget, cheapest first.\n\n"
      "cost: [models], of one sample, in any unit, or {name: [models]} for several, of which the first is a point's .cost; "
      "a "
      "member counts once however often it was picked. metric: see loss(). combine: \"mean\" of probabilities, of "
      "\"logits\", or \"vote\". max_size: picks, repeats counted. with_replacement: a model picked k times has weight k / "
      "picks. parallel: an ensemble costs its dearest member, not the sum; True, or the names of such costs. budget: no "
      "point "
      "costs more; {name: most} for several. sorted_start: so many models of least loss alone are picked first. patience: a "
      "greedy ends after so many picks without a new least loss (0: never). bags: so many greedies among a random "
      "bag_fraction "
      "of the models, drawn by seed. caps: budgets of each cost for which a greedy of its own is run. swaps: a local search "
      "over the front. sample_weight: [samples]. threads: 0 for all cores; the result is the same for any number. device: "
      "where "
      "candidates are scored, \"cpu\" or, in a build with CUDA, \"cuda:0\".\n\n"
      "The front is drawn from single models, from the prefixes of the greedy forward selection of Caruana et al. 2004, of "
      "a "
      "greedy by fall in loss per added cost, of greedies under cost caps and in bags, and from what swaps make of these; "
      "each "
      "point's found_by says which. Losses are those on the data given: optimistic, see evaluate_front(). ValueError for a "
      "cost that is negative, not finite or not one for each model, a budget below the cheapest model (it says the least "
      "that "
      "works), an option out of its range, and a metric that does not suit the predictions.");
}

void register_greedy(py::module_& m) {
  m.def(
      "greedy",
      [](const Predictions& predictions, const py::object& cost, const std::string& metric, int max_size,
         bool with_replacement, int threads, const std::string& combine, int sorted_start, int patience,
         const py::object& sample_weight) {
        const std::vector<double> costs = as_doubles(cost, "cost");
        const SelectOptions options{.metric = metric_from_name(metric),
                                    .combine = pooling_from_name(combine),
                                    .max_size = max_size,
                                    .with_replacement = with_replacement,
                                    .sorted_start = sorted_start,
                                    .patience = patience,
                                    .sample_weight = weights_from(sample_weight),
                                    .threads = threads};
        const py::gil_scoped_release unlocked;
        return greedy(predictions, costs, options);
      },
      py::arg("predictions"), py::arg("cost"), py::arg("metric") = "log_loss", py::arg("max_size") = 16,
      py::arg("with_replacement") = true, py::arg("threads") = 0, py::kw_only(), py::arg("combine") = "mean",
      py::arg("sorted_start") = 0, py::arg("patience") = 0, py::arg("sample_weight") = py::none(),
      "The greedy forward selection alone (Caruana, Niculescu-Mizil, Crew, Ksikes 2004): each step adds the model with "
      "which "
      "all picks so far have the least loss. Ties (losses within 1e-12 (1 + the least)) go to the cheapest model, then the "
      "lowest index; cost [models] serves no other end here. Arguments and errors as in select().");
}

}  // namespace

void register_select(py::module_& m) {
  register_ensemble(m);
  register_front(m);
  py::class_<GreedyPath>(m, "GreedyPath", "What a greedy picked, in its order.")
      .def_readonly("picks", &GreedyPath::picks, "Indices of models; a model may come several times.")
      .def_readonly("losses", &GreedyPath::losses, "[picks]: of the first 1, 2, ... picks.")
      .def("__repr__", [](const GreedyPath& self) {
        return message("GreedyPath(picks=[", joined(self.picks), "], losses=[", joined(self.losses), "])");
      });
  register_loss(m);
  register_select_function(m);
  register_greedy(m);
}

}  // namespace quorate::python
