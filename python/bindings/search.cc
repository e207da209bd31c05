#include "search.h"

#include <pybind11/functional.h>

#include "core/message.h"
#include "quorate/search/async_hyperband.h"

namespace quorate::python {
namespace {

std::string text_of(const py::handle& object) { return py::repr(object).cast<std::string>(); }

// By hand: pybind11 would take None for False.
Value value_from(const py::handle& object, const std::string& where) {
  if (py::isinstance<py::bool_>(object)) return object.cast<bool>();
  if (py::isinstance<py::int_>(object)) return object.cast<std::int64_t>();
  if (py::isinstance<py::float_>(object)) return object.cast<double>();
  if (py::isinstance<py::str>(object)) return object.cast<std::string>();
  throw std::invalid_argument(where + " is " + text_of(object) + ", but must be a bool, an int, a float or a str");
}

Categorical categorical_from(const py::iterable& choices) {
  require(!py::isinstance<py::str>(choices), "choices is ", text_of(choices), ", but must be a list of choices");
  Categorical result;
  for (const py::handle choice : choices)
    result.choices.push_back(value_from(choice, message("choices[", result.choices.size(), "]")));
  return result;
}

template <class Range>
void register_range(py::module_& m, const char* name, const char* doc) {
  using Number = decltype(Range::low);
  py::class_<Range>(m, name, doc)
      .def(py::init([](Number low, Number high, bool log) {
             return Range{low, high, log};
           }),
           py::arg("low"), py::arg("high"), py::arg("log") = false)
      .def_readonly("low", &Range::low, "The least value.")
      .def_readonly("high", &Range::high, "The greatest value.")
      .def_readonly("log", &Range::log, "Whether the logarithm is uniform.")
      .def(py::self == py::self)
      .def("__repr__", [](const Range& range) { return to_text(Parameter(range)); });
}

void register_parameters(py::module_& m) {
  register_range<Float>(m, "Float",
                        "A real parameter, uniform in [low, high); with log=True its logarithm is uniform.\n\n"
                        "Checked where it enters a search: low < high, both finite, and above 0 with log=True.");
  register_range<Int>(m, "Int",
                      "A whole parameter, uniform over low..high, both included; with log=True its logarithm is uniform.\n\n"
                      "Checked where it enters a search: low <= high, and above 0 with log=True.");
  py::class_<Categorical>(m, "Categorical",
                          "One of several choices (bool, int, float or str), each equally likely.\n\n"
                          "Checked where it enters a search: at least one choice, none twice.")
      .def(py::init(&categorical_from), py::arg("choices"))
      .def_property_readonly(
          "choices", [](const Categorical& parameter) { return parameter.choices; }, "As given.")
      .def(py::self == py::self)
      .def("__repr__", [](const Categorical& parameter) { return to_text(Parameter(parameter)); });
}

std::string describe(const Job& job) {
  return message("Job(trial=", job.trial, ", bracket=", job.bracket, ", rung=", job.rung,
                 ", from_resource=", job.from_resource, ", to_resource=", job.to_resource, ", attempt=", job.attempt,
                 ", config=", to_json(job.config), ")");
}

void register_job(py::module_& m) {
  py::class_<Job>(m, "Job", "Train `trial` with `config` from `from_resource` to `to_resource`.")
      .def_readonly("trial", &Job::trial, "0, 1, 2 ... in the order in which trials were first handed out.")
      .def_property_readonly(
          "config", [](const Job& job) { return to_dict(job.config); }, "{name: value}, in the space's order.")
      .def_readonly("bracket", &Job::bracket, "Leaves out that many of the lowest rungs.")
      .def_readonly("rung", &Job::rung, "Where the job ends: rungs[rung] == to_resource.")
      .def_readonly("from_resource", &Job::from_resource, "0: from scratch; else the rung that the trial was paused at.")
      .def_readonly("to_resource", &Job::to_resource, "How far to train.")
      .def_readonly("attempt", &Job::attempt, "1, 2 ...: counts up when the same job is handed out again.")
      .def(py::self == py::self)
      .def("__repr__", &describe);
}

using Losses = std::variant<double, std::vector<double>>;

std::span<const double> view_of(const Losses& losses) {
  if (const auto* one = std::get_if<double>(&losses)) return {one, 1};
  return std::get<std::vector<double>>(losses);
}

void tell(AsyncHyperband& self, const Job& job, const Losses& losses) { self.tell(job, view_of(losses)); }

bool report(AsyncHyperband& self, const Job& job, std::int64_t resource, const Losses& losses) {
  return self.report(job, resource, view_of(losses));
}

void register_hyperband(py::module_& m) {
  py::class_<AsyncHyperband>(
      m, "AsyncHyperband",
      "Asynchronous Hyperband (Li et al., JMLR 2018; ASHA: Li et al., MLSys 2020, Algorithm 2) as a state machine without\n"
      "threads, clock or files; not to be used by several threads at once.\n\n"
      "space: {name: Float, Int or Categorical}. Rungs are max_resource, that divided by eta and rounded down, and so on,\n"
      "while at least min_resource; eta counts to a thousandth. Bracket b leaves out the b lowest rungs; a new trial's\n"
      "bracket and configuration are drawn from the seed and its number alone, brackets in proportion to the "
      "configurations\n"
      "that Hyperband starts in each. mode=\"promote\": trials pause at each rung and the best floor(n / eta) of the n "
      "trials\n"
      "there go on; mode=\"stop\": trials run on and are stopped at the first rung where they are not among those (the "
      "best\n"
      "so far always goes on). Lower losses are better, ties go to the earlier trial, NaN and infinite losses never go "
      "on.\n\n"
      "sampling: \"random\", or \"sobol\": trial n has point n of a scrambled Sobol sequence (Owen 1995; Joe and Kuo 2008), "
      "at\n"
      "most 256 parameters. objectives: how many losses a report has, all to be minimised; with several, trials are ranked\n"
      "by non-dominated fronts as in MO-ASHA (arXiv 2106.12639), and of the front that does not fit whole those go on that\n"
      "are farthest apart. The C++ header lists what differs from the papers.\n\n"
      "brackets: so many of them, from the longest; 1 is ASHA alone, None as many as there are rungs.\n\n"
      "A decision takes O(log n) with one objective. Raises ValueError naming what is wrong with an argument.")
      .def(py::init([](const py::dict& space, std::int64_t min_resource, std::int64_t max_resource, double eta,
                       const std::string& mode, std::uint64_t seed, const std::string& sampling, int objectives,
                       std::optional<int> brackets) {
             return AsyncHyperband(space_from(space), {min_resource, max_resource, eta, mode_from(mode), seed,
                                                       sampling_from(sampling), objectives, brackets_from(brackets)});
           }),
           py::arg("space"), py::arg("min_resource") = 1, py::arg("max_resource") = 27, py::arg("eta") = 3.0,
           py::arg("mode") = "promote", py::arg("seed") = 0, py::arg("sampling") = "random", py::arg("objectives") = 1,
           py::arg("brackets") = py::none())
      .def(
          "ask", &AsyncHyperband::ask,
          "The next Job: a failed one that is to be retried, else the best promotion to the highest rung, else a new trial.")
      .def("resume", &AsyncHyperband::resume, "The same without new trials; None where there is nothing to resume now.")
      .def("can_resume", &AsyncHyperband::can_resume, "Whether resume() would give a job.")
      .def("begin", &AsyncHyperband::begin, "The Job of a new trial, also where there is something to resume.")
      .def(
          "enqueue", [](AsyncHyperband& self, const py::dict& config) { self.enqueue(config_from(config, self.space())); },
          py::arg("config"),
          "The next new trial takes this configuration, {name: value} for every name of the space; several are taken in\n"
          "order. Trials after it have the configurations that they would have had.")
      .def("tell", &tell, py::arg("job"), py::arg("loss"),
           "The job reached to_resource with this loss, a float, or of several objectives a sequence [objectives]. Raises\n"
           "ValueError where the job is over or was never handed out.")
      .def("report", &report, py::arg("job"), py::arg("resource"), py::arg("loss"),
           "The job measured `loss` after `resource`; a float, or of several objectives a sequence [objectives].\n\n"
           "True: go on. False: the job is over, at to_resource or, with mode=\"stop\", at a rung where the trial is not "
           "among\n"
           "the best. Only losses at exactly a rung's resource count there. Raises ValueError for a resource out of order "
           "or\n"
           "above to_resource, and for a job that is over.")
      .def("fail", &AsyncHyperband::fail, py::arg("job"), py::arg("retry") = false,
           "The job ended without a result: it is handed out again, or its trial has failed and its place goes to the next.")
      .def(
          "state", [](const AsyncHyperband& self, std::int64_t trial) { return std::string(to_text(self.state(trial))); },
          py::arg("trial"), "\"running\", \"waiting\", \"paused\", \"completed\", \"stopped\" or \"failed\".")
      .def(
          "config", [](const AsyncHyperband& self, std::int64_t trial) { return to_dict(self.config(trial)); },
          py::arg("trial"), "{name: value} of a trial below `trials`.")
      .def("rung_size", &AsyncHyperband::rung_size, py::arg("bracket"), py::arg("rung"), "How many losses there are so far.")
      .def("least_promising", &AsyncHyperband::least_promising,
           "Trials that nobody works on, those least likely to be trained on first: failed, stopped and completed ones, "
           "then\n"
           "paused ones by the share of their rung that ranks ahead of them.")
      .def_property_readonly("queued", &AsyncHyperband::queued, "Configurations enqueued and not yet handed out.")
      .def_property_readonly(
          "space", [](const AsyncHyperband& self) { return to_dict(self.space()); }, "{name: parameter}.")
      .def_property_readonly("rungs", &AsyncHyperband::rungs, "Resources, ascending.")
      .def_property_readonly("trials", &AsyncHyperband::trials, "How many were handed out.")
      .def("__repr__", [](const AsyncHyperband& self) {
        return message("AsyncHyperband(rungs=[", joined(self.rungs()), "], trials=", self.trials(), ")");
      });
}

}  // namespace

Space space_from(const py::dict& space) {
  std::vector<std::pair<std::string, Parameter>> parameters;
  for (const auto& [key, value] : space) {
    require(py::isinstance<py::str>(key), "space has the name ", text_of(key), ", but names must be str");
    const auto name = key.cast<std::string>();
    if (py::isinstance<Float>(value))
      parameters.emplace_back(name, value.cast<Float>());
    else if (py::isinstance<Int>(value))
      parameters.emplace_back(name, value.cast<Int>());
    else if (py::isinstance<Categorical>(value))
      parameters.emplace_back(name, value.cast<Categorical>());
    else
      throw std::invalid_argument("space[\"" + name + "\"] is " + text_of(value) +
                                  ", but must be a Float, Int or Categorical");
  }
  return Space(std::move(parameters));
}

Config config_from(const py::dict& config, const Space& space) {
  Config result;
  for (const auto& [name, parameter] : space.parameters()) {
    require(config.contains(name), "config lacks \"", name, "\", but must have a value for every name of the space");
    Value value = value_from(config[py::str(name)], "config[\"" + name + "\"]");
    const auto* whole = std::get_if<std::int64_t>(&value);
    if (whole != nullptr && std::holds_alternative<Float>(parameter)) value = static_cast<double>(*whole);
    result.values.emplace_back(name, std::move(value));
  }
  require(config.size() == result.values.size(), "config has ", config.size(), " names, but must have ",
          result.values.size(), ", as the space does");
  return result;
}

int brackets_from(std::optional<int> brackets) {
  require(!brackets || *brackets >= 1, "brackets is ", brackets.value_or(0), ", but must be at least 1, or None for all");
  return brackets.value_or(0);
}

py::dict to_dict(const Config& config) {
  py::dict result;
  for (const auto& [name, value] : config.values) result[py::str(name)] = py::cast(value);
  return result;
}

py::dict to_dict(const Space& space) {
  py::dict result;
  for (const auto& [name, parameter] : space.parameters()) result[py::str(name)] = py::cast(parameter);
  return result;
}

void register_search(py::module_& m) {
  register_parameters(m);
  register_job(m);
  register_hyperband(m);
  register_study(m);
}

}  // namespace quorate::python
