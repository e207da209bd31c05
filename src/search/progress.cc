#include <numeric>

#include "quorate/search/brackets.h"
#include "search/study_state.h"

namespace quorate {
namespace {

// What a loss at the rung stands for: training from the rung before it, in the first rung of a bracket from scratch.
double step(const AsyncHyperband& machine, int bracket, int rung) {
  const auto at = [&](int number) { return static_cast<double>(machine.rungs()[static_cast<std::size_t>(number)]); };
  return rung == bracket ? at(rung) : at(rung) - at(rung - 1);
}

}  // namespace

double StudyState::work_done() const {
  const AsyncHyperband& machine = ledger.machine();
  const auto rungs = static_cast<int>(machine.rungs().size());
  double work = 0.0;
  for (int bracket = 0; bracket < machine.brackets(); ++bracket)
    for (int rung = bracket; rung < rungs; ++rung)
      work += static_cast<double>(machine.rung_size(bracket, rung)) * step(machine, bracket, rung);
  return work;
}

double StudyState::work_expected(std::int64_t trials) const {
  const AsyncHyperband& machine = ledger.machine();
  const auto rungs = static_cast<int>(machine.rungs().size());
  const double eta = machine.options().eta;
  std::vector<double> sizes = bracket_sizes(machine.rungs().size(), ReductionFactor(eta));
  sizes.resize(static_cast<std::size_t>(machine.brackets()));
  const double all = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  double work = 0.0;
  for (int bracket = 0; bracket < machine.brackets(); ++bracket) {
    double share = static_cast<double>(trials) * sizes[static_cast<std::size_t>(bracket)] / all;
    for (int rung = bracket; rung < rungs; ++rung) {
      work += share * step(machine, bracket, rung);
      if (rung + 1 == rungs) break;
      // More than 1 / eta go on, as the best so far are not yet the best of all: as many as did so far.
      share *= (static_cast<double>(machine.rung_size(bracket, rung + 1)) + 1.0) /
               (static_cast<double>(machine.rung_size(bracket, rung)) + eta);
    }
  }
  return work;
}

Progress StudyState::progress() const {
  const AsyncHyperband& machine = ledger.machine();
  const auto rungs = static_cast<int>(machine.rungs().size());
  Progress result;
  result.trials = machine.trials();
  result.states = ledger.states();
  for (int rung = 0; rung < rungs; ++rung) {
    result.rungs.push_back({machine.rungs()[static_cast<std::size_t>(rung)], 0});
    for (int bracket = 0; bracket <= rung; ++bracket) result.rungs.back().losses += machine.rung_size(bracket, rung);
  }
  if (const auto best = ledger.best()) {
    result.best_trial = best->trial;
    result.best_resource = best->resource;
    result.best_loss = best->loss;
  }
  return result;
}

}  // namespace quorate
