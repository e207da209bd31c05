#include <iomanip>
#include <optional>

#include "bindings.h"
#include "core/message.h"
#include "front.h"
#include "quorate/route/drift.h"
#include "quorate/route/greedy_cascades.h"
#include "quorate/route/router.h"
#include "route.h"

namespace quorate::python {
namespace {

// [samples, features] in C order; holds what the view points into.
class Features {
 public:
  explicit Features(const py::object& object)
      : array_(py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(object)) {
    if (!array_) {
      PyErr_Clear();
      throw std::invalid_argument("features is " + py::repr(object).cast<std::string>() +
                                  ", but must be an array of numbers");
    }
    require_ndim(array_, 2, "features", "[samples, features]");
  }
  MatrixView<const double> view() const {
    return {array_.data(), static_cast<std::size_t>(array_.shape(0)), static_cast<std::size_t>(array_.shape(1))};
  }

 private:
  py::array_t<double, py::array::c_style | py::array::forcecast> array_;
};

template <class T>
py::array_t<T> as_array(const std::vector<T>& values) {
  return to_array(values, {static_cast<py::ssize_t>(values.size())});
}

std::string text_of(const Router& router) {
  return message("Router(", router.entries.size(), " tiers, ", router.features(), " features, ",
                 router.always >= 0 ? message("always=", router.always) : message("trade_off=", router.trade_off),
                 ", loss=", router.loss, ", cost=", router.cost, ")");
}

std::string table_of(const RouterFront& front) {
  std::ostringstream out;
  out << "RouterFront of " << front.size() << ", cheapest first\n"
      << std::setw(12) << "cost" << std::setw(12) << "loss"
      << "  entry";
  for (const Router& router : front)
    out << "\n"
        << std::setw(12) << router.cost << std::setw(12) << router.loss << "  "
        << (router.always >= 0 ? message("always tier ", router.always) : message("trade-off ", router.trade_off));
  return out.str();
}

std::string text_of(const DriftMonitor& monitor) {
  return message("DriftMonitor(samples=", monitor.samples(), ", evidence=", monitor.evidence(), ", delta=", monitor.delta(),
                 monitor.alarm() ? message(", alarm at ", *monitor.at(), ": ", monitor.drifted()) : ", no alarm", ")");
}

std::string text_of(const DriftPart& part) {
  return message("DriftPart(what=\"", part.what, "\", evidence=", part.evidence, ", expected=", part.expected,
                 ", observed=", part.observed, ")");
}

RouterOptions options_of(std::optional<double> trade_off, double max_loss_increase, double features_cost,
                         std::optional<int> features_model, double ridge, int folds, std::uint64_t seed, int threads) {
  return {.trade_off = trade_off,
          .max_loss_increase = max_loss_increase,
          .features_cost = features_cost,
          .features_model = features_model,
          .ridge = ridge,
          .folds = folds,
          .seed = seed,
          .threads = threads};
}

void register_router(py::module_& m) {
  py::class_<Router> router(
      m, "Router",
      "Chooses the tier at which a sample enters a cascade, from features known before any tier is asked.\n\n"
      "A sample enters at the tier of the highest quality - trade_off x cost, both expected from its features: the routing "
      "rule of Dekoninck, Baader and Vechev (arXiv 2410.10347), the alternatives being the cascade's tails. From "
      "fit_router() "
      "or fit_routers(); evaluate(..., entry=router.entry(features)) says how it does.");
  router
      .def(
          "entry",
          [](const Router& self, const py::object& object) {
            const Features features(object);
            std::vector<std::int32_t> out(features.view().rows);
            {
              const py::gil_scoped_release release;
              self.entry(features.view(), out);
            }
            return as_array(out);
          },
          py::arg("features"),
          "[samples] int32: the tier at which each sample enters, from features [samples, features].\n\n"
          "ValueError for another number of features than fitted, or one that is not finite.")
      .def_property_readonly(
          "tiers", [](const Router& self) { return self.entries.size(); }, "Of the cascade that it was fitted for.")
      .def_property_readonly("features", &Router::features, "How many.")
      .def_readonly("trade_off", &Router::trade_off, "Quality that one unit of cost must bring.")
      .def_property_readonly(
          "always", [](const Router& self) { return self.always >= 0 ? std::optional<int>(self.always) : std::nullopt; },
          "The tier at which every sample enters, features not being read; None: it depends.")
      .def_readonly("loss", &Router::loss, "Error rate of cascade and router on the data fitted on, cross-fitted.")
      .def_readonly("cost", &Router::cost, "Mean cost of a sample likewise, features_cost included.")
      .def(py::self == py::self)
      .def("__repr__", [](const Router& self) { return text_of(self); });
  bind_document<Router>(router, &router_from_json, &load_router, "router");

  auto front = bind_front<Router>(m, "RouterFront", "Router",
                                  "Routers of which none is both dearer and worse than another, cross-fitted.");
  front.def("__repr__", &table_of);
  bind_document<RouterFront>(front, &router_front_from_json, &load_router_front, "routers");

  m.def(
      "fit_router",
      [](const Cascade& cascade, const Predictions& predictions, const py::object& object, const py::object& cost,
         std::optional<double> trade_off, double max_loss_increase, double features_cost, std::optional<int> features_model,
         double ridge, int folds, std::uint64_t seed, int threads) {
        const Features features(object);
        const ModelCosts costs = as_model_costs(cost, "cost");
        const py::gil_scoped_release release;
        return fit_router(
            cascade, predictions, features.view(), costs,
            options_of(trade_off, max_loss_increase, features_cost, features_model, ridge, folds, seed, threads));
      },
      py::arg("cascade"), py::arg("predictions"), py::arg("features"), py::arg("cost"), py::arg("trade_off") = py::none(),
      py::arg("max_loss_increase") = 0.0, py::arg("features_cost") = 0.0, py::arg("features_model") = py::none(),
      py::arg("ridge") = 1.0, py::arg("folds") = 5, py::arg("seed") = 0, py::arg("threads") = 0,
      "A router for a cascade, from features [samples, features] of the samples of predictions.\n\n"
      "Fresh samples: models look surer on those they were trained on. cost: [models] or [models, samples]. trade_off: "
      "quality that one unit of cost must bring; None: the one that is cheapest with an error rate of at most the plain "
      "cascade's + max_loss_increase, by cross-fitting over folds; where none saves at least two standard errors of cost, "
      "the router always enters at the first tier. features_cost: of having one sample's features. features_model: the "
      "model out of whose answers they are made, paid for before entering and not again by a tier that asks it (evaluate "
      "such a router with that model at cost 0). ridge: of the logistic regressions, features standardised.\n\n"
      "ValueError for features that are not finite or not one row a sample, and options out of range.");
  m.def(
      "fit_routers",
      [](const Cascade& cascade, const Predictions& predictions, const py::object& object, const py::object& cost,
         double features_cost, std::optional<int> features_model, double ridge, int folds, std::uint64_t seed, int threads) {
        const Features features(object);
        const ModelCosts costs = as_model_costs(cost, "cost");
        const py::gil_scoped_release release;
        return fit_routers(cascade, predictions, features.view(), costs,
                           options_of(std::nullopt, 0.0, features_cost, features_model, ridge, folds, seed, threads));
      },
      py::arg("cascade"), py::arg("predictions"), py::arg("features"), py::arg("cost"), py::arg("features_cost") = 0.0,
      py::arg("features_model") = py::none(), py::arg("ridge") = 1.0, py::arg("folds") = 5, py::arg("seed") = 0,
      py::arg("threads") = 0,
      "The front of routers over all trade-offs, entering at one tier always among them; see fit_router.");
  m.def(
      "answer_features",
      [](const Predictions& predictions, int model, bool classes) {
        const std::vector<double> values = answer_features(predictions, model, classes);
        const auto samples = static_cast<py::ssize_t>(predictions.samples());
        return to_array(values, {samples, static_cast<py::ssize_t>(values.size()) / samples});
      },
      py::arg("predictions"), py::arg("model"), py::arg("classes") = false,
      "[samples, 3] float64: a model's highest score, that minus the second, and the entropy of its scores in nats; with "
      "classes, a 1 for the class it answers among 0s after them.");
}

void register_drift(py::module_& m) {
  py::class_<DriftPart>(m, "DriftPart", "One of the things that a DriftMonitor watches.")
      .def_readonly("what", &DriftPart::what, "\"exits\", \"certainty of tier 0\", ...")
      .def_readonly("evidence", &DriftPart::evidence, "Logarithm of its highest e-value so far.")
      .def_readonly("expected", &DriftPart::expected,
                    "Mean tier that answers, or mean certainty, on the calibration samples.")
      .def_readonly("observed", &DriftPart::observed, "The same of the stream; nan before the first sample.")
      .def(py::self == py::self)
      .def("__repr__", [](const DriftPart& self) { return text_of(self); });

  py::class_<DriftMonitor> monitor(m, "DriftMonitor",
                                   "Watches a cascade in production, without labels: an alarm that sounds with probability "
                                   "at most delta over any horizon "
                                   "as long as the stream is distributed as the calibration samples.\n\n"
                                   "Conformal test martingales on the tiers that answer and on how certain they were; exact "
                                   "for any number of calibration "
                                   "samples and any distribution. It cannot see a change that leaves both alone.");
  monitor
      .def(py::init([](const Cascade& cascade, const Predictions& calib, double delta, std::uint64_t seed, int threads) {
             const py::gil_scoped_release release;
             return DriftMonitor(cascade, calib, {.delta = delta, .seed = seed, .threads = threads});
           }),
           py::arg("cascade"), py::arg("calib"), py::arg("delta") = 0.01, py::arg("seed") = 0, py::arg("threads") = 0,
           "calib: fresh samples of the stream to be served. ValueError where delta is not between 0 and 1.")
      .def("observe", py::overload_cast<int, double>(&DriftMonitor::observe), py::arg("tier"), py::arg("certainty"),
           "A sample: the tier that answered, from 0, and its certainty.\n\n"
           "ValueError for a tier that is not there or a certainty outside [0, 1]; nothing is counted then.")
      .def(
          "observe",
          [](DriftMonitor& self, const py::object& tier, const py::object& certainty) {
            const std::vector<std::int32_t> tiers = as_int32(tier, "tier");
            const std::vector<double> certainties = as_doubles(certainty, "certainty");
            const py::gil_scoped_release release;
            self.observe(tiers, certainties);
          },
          py::arg("tier"), py::arg("certainty"), "Several samples in their order: tier [n], certainty [n].")
      .def_property_readonly("alarm", &DriftMonitor::alarm, "Whether it has sounded.")
      .def_property_readonly("at", &DriftMonitor::at, "Number of the sample that raised the alarm, from 1; None before.")
      .def_property_readonly("drifted", &DriftMonitor::drifted, "What raised the alarm; empty before.")
      .def_property_readonly("evidence", &DriftMonitor::evidence,
                             "Logarithm of the highest e-value so far; log(1 / delta) raises the alarm. exp(-evidence) is a "
                             "p-value that may be read at any time.")
      .def_property_readonly("samples", &DriftMonitor::samples, "Observed so far.")
      .def_property_readonly("parts", &DriftMonitor::parts, "What is watched, each with its evidence.")
      .def_property_readonly(
          "expected_share", [](const DriftMonitor& self) { return as_array(self.expected_share()); },
          "[depth] float64: share of the calibration samples that each tier answers.")
      .def_property_readonly(
          "observed_share", [](const DriftMonitor& self) { return as_array(self.observed_share()); },
          "[depth] float64: share of the observed samples; nan before the first.")
      .def_property_readonly("delta", &DriftMonitor::delta, "Probability of a false alarm, ever.")
      .def("cascade", &DriftMonitor::cascade, py::return_value_policy::copy,
           "What to run: the cascade; after an alarm the same without early stops.")
      .def("__repr__", [](const DriftMonitor& self) { return text_of(self); });
  bind_document<DriftMonitor>(monitor, &drift_monitor_from_json, &load_drift_monitor, "drift monitor");
}

CascadeFront greedy(const Predictions& predictions, const py::object& cost, const std::string& signal,
                    std::optional<int> reference, const py::object& max_loss_increase, std::optional<double> max_worst_cost,
                    int max_depth, int threads) {
  const ModelCosts costs = as_model_costs(cost, "cost");
  GreedyCascadeOptions options;
  options.signal = signal_from_string(signal);
  options.reference = reference;
  if (py::isinstance<py::float_>(max_loss_increase) || py::isinstance<py::int_>(max_loss_increase))
    options.max_loss_increase = {max_loss_increase.cast<double>()};
  else if (!max_loss_increase.is_none())
    options.max_loss_increase = as_doubles(max_loss_increase, "max_loss_increase");
  options.max_worst_cost = max_worst_cost;
  options.max_depth = max_depth;
  options.threads = threads;
  const py::gil_scoped_release release;
  return greedy_cascades(predictions, costs, options);
}

}  // namespace

void register_around(py::module_& m) {
  m.def(
      "greedy_cascades", &greedy, py::arg("predictions"), py::arg("cost"), py::arg("signal") = "confidence",
      py::arg("reference") = py::none(), py::arg("max_loss_increase") = py::none(), py::arg("max_worst_cost") = py::none(),
      py::arg("max_depth") = 64, py::arg("threads") = 0,
      "Cascades of single models out of pools of hundreds, one tier at a time (Streeter 2018).\n\n"
      "cost: [models] or [models, samples]. reference: model whose accuracy is to be kept; None: the most accurate. "
      "max_loss_increase: how far a tier's errors may exceed the reference's, as a share of the samples it answers; one "
      "cascade for each given, None: for 0 and powers of the square root of 1/2. The next tier is the one that answers most "
      "for its cost. The error rate on predictions is at most the reference's + max_loss_increase, and the cost at most 4 "
      "times that of any cascade whose tiers keep the same constraint wherever the greedy's were chosen. Deep cascades fit "
      "the sample closely: max_depth limits them, at the price of that guarantee.\n\n"
      "ValueError for a reference that is not there, an increase outside [0, 1], a max_worst_cost below the cheapest "
      "model.");
  register_router(m);
  register_drift(m);
}

}  // namespace quorate::python
