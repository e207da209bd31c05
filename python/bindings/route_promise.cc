#include <optional>
#include <span>

#include "bindings.h"
#include "core/message.h"
#include "quorate/route/calibrate.h"
#include "route.h"

namespace quorate::python {
namespace {

template <class Subject>
Cascade calibrate_it(const Subject& subject, const Predictions& predictions, std::optional<double> max_loss_increase,
                     double delta, std::uint64_t seed, std::optional<double> max_loss, const std::string& rule,
                     std::size_t searched, int threads) {
  const CalibrateOptions options{.max_loss_increase = max_loss_increase,
                                 .max_loss = max_loss,
                                 .delta = delta,
                                 .rule = calibration_rule_from_string(rule),
                                 .searched = searched,
                                 .seed = seed,
                                 .threads = threads};
  const py::gil_scoped_release release;
  return calibrate(subject, predictions, options);
}

Cascade calibrate_list(const std::vector<Cascade>& candidates, const Predictions& predictions,
                       std::optional<double> max_loss_increase, double delta, std::uint64_t seed,
                       std::optional<double> max_loss, const std::string& rule, std::size_t searched, int threads) {
  return calibrate_it(std::span<const Cascade>(candidates), predictions, max_loss_increase, delta, seed, max_loss, rule,
                      searched, threads);
}

template <class Function>
void def_calibrate(py::module_& m, const Function& function, const char* text) {
  m.def("calibrate", function, py::arg("cascade"), py::arg("predictions"), py::arg("max_loss_increase") = py::none(),
        py::arg("delta") = 0.05, py::arg("seed") = 0, py::kw_only(), py::arg("max_loss") = py::none(),
        py::arg("rule") = "exact", py::arg("searched") = 1, py::arg("threads") = 0, text);
}

}  // namespace

std::string certificate_text(const Certificate& certificate) {
  const std::string figure = certificate.max_loss ? message("max_loss=", *certificate.max_loss)
                                                  : message("max_loss_increase=", certificate.max_loss_increase);
  const std::string paid = certificate.candidates > 1 ? message(", candidates=", certificate.candidates) : "";
  const std::string needed = certificate.samples_needed > 0 ? message(", samples_needed=", certificate.samples_needed) : "";
  return message("Certificate(holds=", certificate.holds ? "True" : "False", ", ", figure, ", delta=", certificate.delta,
                 ", samples=", certificate.samples, paid, ", bound=", certificate.bound, ", measured=", certificate.measured,
                 needed, ")");
}

void register_certificate(py::module_& m) {
  py::class_<Certificate>(m, "Certificate",
                          "What calibrate() promises: with probability at least 1 - delta the error rate exceeds the "
                          "reference's, that of the same cascade without early stops, by at most max_loss_increase, or is "
                          "at most max_loss. Nothing is promised where holds is False.")
      .def_readonly("max_loss_increase", &Certificate::max_loss_increase,
                    "Epsilon, of the error rate; 0 where max_loss is promised.")
      .def_readonly("max_loss", &Certificate::max_loss, "Of the error rate itself; None where an increase is promised.")
      .def_readonly("delta", &Certificate::delta, "The promise is broken with at most this probability.")
      .def_readonly("samples", &Certificate::samples, "Calibration samples.")
      .def_readonly("candidates", &Certificate::candidates,
                    "Out of how many the cascade was picked on these samples; the promise has paid for them.")
      .def_readonly("bound", &Certificate::bound,
                    "Upper confidence bound of what is promised, at these thresholds alone; a description.")
      .def_readonly("measured", &Certificate::measured, "The same figure as measured on the calibration samples.")
      .def_readonly("reference_loss", &Certificate::reference_loss, "The reference's error rate on the calibration samples.")
      .def_readonly("holds", &Certificate::holds, "False: nothing is promised.")
      .def_readonly("samples_needed", &Certificate::samples_needed,
                    "Where the thresholds asked for were not reached: about how many samples would certify them four "
                    "times out of five; 0: no number does.")
      .def_readonly("method", &Certificate::method, "How the thresholds were taken, and the promise obtained.")
      .def_readonly("does_not_cover", &Certificate::does_not_cover, "What voids the promise.")
      .def_readonly("tiers_sha256", &Certificate::tiers_sha256,
                    "Of the tiers and thresholds that it was made for: a file in which they were changed is refused.")
      .def(py::self == py::self)
      .def("__repr__", [](const Certificate& self) { return certificate_text(self); });
}

void register_promise(py::module_& m) {
  def_calibrate(
      m, &calibrate_it<Cascade>,
      "The cascade with thresholds that keep a promise, and the certificate that says so: with probability at least "
      "1 - delta its error rate exceeds that without early stops by at most max_loss_increase (0.01 where nothing is "
      "stated), or is at most max_loss.\n\n"
      "predictions: fresh samples, drawn from the stream to be served, that had no part in training, selecting or finding. "
      "searched: where the cascade was found on these very samples, how many sequences of tiers the search chose from; the "
      "certificate pays for them. rule: \"exact\" (the default: an exact test of counts) or \"betting\" (Waudby-Smith and "
      "Ramdas 2024) promise, for any sample size, by fixed-sequence testing (Angelopoulos et al., Learn then Test, 2021); "
      "\"plug_in\" (the cheapest whose measured figure is small enough) and \"plain\" (the rule of agreement-based "
      "cascading, arXiv 2407.02348, on up to 100 samples) guarantee nothing. seed: of the order in which \"betting\" looks "
      "at samples, and of those that \"plain\" takes. Where too few samples certify nothing, no tier stops early and "
      "certificate.holds is False.\n\n"
      "ValueError where max_loss_increase, max_loss or delta is not between 0 and 1, both of the first are stated, there "
      "are fewer samples than thresholds, or the cascade names models that are not there.");
  def_calibrate(m, &calibrate_it<CascadeFront>,
                "The same of a front from a search on other data: the cheapest that can be certified out of up to three of "
                "its cascades, which their loss on the data of the search makes promising. The reference is its cascade of "
                "least loss as it is.");
  def_calibrate(m, &calibrate_list,
                "The cheapest of several that can be certified, each with thresholds of its own at delta / candidates. The "
                "reference is the last one without early stops.");
}

}  // namespace quorate::python
