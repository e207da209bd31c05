#include "core/message.h"
#include "search/study_state.h"

namespace quorate {
namespace {

std::shared_ptr<StudyState> open(const TrialAttempt& attempt) {
  auto study = attempt.study.lock();
  if (study == nullptr)
    throw AttemptOver(message("attempt ", attempt.number, " of trial ", attempt.job.trial, " is over: its study is closed"));
  return study;
}

// What the training's state stands at.
std::int64_t standing(const TrialAttempt& attempt, std::optional<std::int64_t> resource) {
  require(!resource || (*resource >= 0 && *resource <= attempt.job.to_resource), "resource is ", resource.value_or(0),
          ", but must be from 0 to ", attempt.job.to_resource, ", the job's to_resource");
  return resource.value_or(attempt.resource);
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
const std::string& TrialJob::token() const { return attempt_->token; }
const std::optional<Device>& TrialJob::device() const { return attempt_->device; }
double TrialJob::device_share() const { return attempt_->device_share; }
const std::optional<std::filesystem::path>& TrialJob::checkpoint() const { return attempt_->checkpoint.path; }
std::int64_t TrialJob::checkpoint_resource() const { return attempt_->checkpoint.resource; }

bool TrialJob::report(std::int64_t resource, double loss) { return report(resource, std::span(&loss, 1)); }

bool TrialJob::report(std::int64_t resource, std::span<const double> losses) {
  return open(*attempt_)->report(*attempt_, resource, losses);
}

void TrialJob::heartbeat() { open(*attempt_)->heartbeat(*attempt_); }
void TrialJob::tell() { open(*attempt_)->tell(*attempt_); }
void TrialJob::fail(const std::string& why) {
  open(*attempt_)->fail(*attempt_, why.empty() ? "the attempt failed without a message" : why);
}
void TrialJob::release() { open(*attempt_)->release(*attempt_); }

void TrialJob::save_checkpoint(std::string_view bytes, std::optional<std::int64_t> resource) {
  open(*attempt_)->save_checkpoint(*attempt_, bytes, standing(*attempt_, resource));
}

std::string TrialJob::add_model(const std::map<std::string, ModelLibrary::Array>& predictions,
                                const std::map<std::string, double>& cost, const std::filesystem::path& model,
                                std::map<std::string, std::string> about, std::optional<std::int64_t> resource) {
  return open(*attempt_)->add_model(*attempt_, standing(*attempt_, resource), predictions, cost, model, std::move(about));
}

bool TrialJob::stop_requested() const {
  const auto study = attempt_->study.lock();
  if (study == nullptr) return true;
  const std::lock_guard guard(study->mutex);
  return study->stopping && !attempt_->leased;
}

}  // namespace quorate
