#include <iomanip>
#include <sstream>

#include "core/message.h"
#include "search/study_state.h"

namespace quorate {
namespace {

std::shared_ptr<StudyState> open(const TrialAttempt& attempt) {
  auto study = attempt.study.lock();
  require(study != nullptr, "attempt ", attempt.number, " of trial ", attempt.job.trial, " is over: its study is closed");
  return study;
}

}  // namespace

std::int64_t TrialJob::trial() const { return attempt_->job.trial; }
const Config& TrialJob::config() const { return attempt_->job.config; }
int TrialJob::bracket() const { return attempt_->job.bracket; }
int TrialJob::rung() const { return attempt_->job.rung; }
std::int64_t TrialJob::from_resource() const { return attempt_->job.from_resource; }
std::int64_t TrialJob::to_resource() const { return attempt_->job.to_resource; }
int TrialJob::attempt() const { return attempt_->number; }
std::uint64_t TrialJob::seed() const { return attempt_->seed; }
const std::optional<std::filesystem::path>& TrialJob::checkpoint() const { return attempt_->checkpoint.path; }
std::int64_t TrialJob::checkpoint_resource() const { return attempt_->checkpoint.resource; }

bool TrialJob::report(std::int64_t resource, double loss) { return open(*attempt_)->report(*attempt_, resource, loss); }

void TrialJob::save_checkpoint(std::string_view bytes) { open(*attempt_)->save_checkpoint(*attempt_, bytes); }

std::string TrialJob::add_model(const std::map<std::string, ModelLibrary::Array>& predictions,
                                const std::map<std::string, double>& cost, const std::filesystem::path& model,
                                std::map<std::string, std::string> about) {
  const auto study = open(*attempt_);
  study->check_current(*attempt_);
  const std::int64_t resource = attempt_->resource;
  std::ostringstream name;
  name << "t" << std::setw(4) << std::setfill('0') << trial() << "r" << resource;
  if (study->library.contains(name.str())) return name.str();
  about.try_emplace("trial", std::to_string(trial()));
  about.try_emplace("resource", std::to_string(resource));
  about.try_emplace("config", to_json(config()));
  study->library.add(name.str(), predictions, cost, model, about);
  return name.str();
}

bool TrialJob::stop_requested() const {
  const auto study = attempt_->study.lock();
  if (study == nullptr) return true;
  const std::lock_guard guard(study->mutex);
  return study->stopping;
}

}  // namespace quorate
