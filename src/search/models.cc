#include "quorate/core/error.h"
#include "search/study_state.h"

namespace quorate {

double StudyState::loss_of(const TrialModel& model) const {
  const Guard guard(mutex);
  return ledger.loss(model.trial, model.resource);
}

std::string StudyState::add_model(const TrialAttempt& attempt, std::int64_t resource,
                                  const std::map<std::string, ModelLibrary::Array>& predictions,
                                  const std::map<std::string, double>& cost, const std::filesystem::path& model,
                                  std::map<std::string, std::string> about) {
  check_current(attempt);
  const std::string name = model_name({attempt.job.trial, resource});
  if (library.contains(name)) return name;
  about.try_emplace("trial", std::to_string(attempt.job.trial));
  about.try_emplace("resource", std::to_string(resource));
  about.try_emplace("config", to_json(attempt.job.config));
  try {
    library.add(name, predictions, cost, model, about);
    retention.enforce([&](const TrialModel& of) { return loss_of(of); });
  } catch (const FileError& error) {
    fail_on_file(attempt, error);
  }
  return name;
}

}  // namespace quorate
