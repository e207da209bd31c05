#include "quorate/search/study.h"

#include <cmath>

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/error.h"
#include "search/study_state.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatabase = "study.db";

template <class T>
void require_same(const fs::path& folder, const std::string& what, const T& asked, const T& stored) {
  require(asked == stored, what, " is ", asked, ", but must be ", stored, ", as the study in ", folder.string(),
          " was made with");
}

void require_same(const fs::path& folder, const Space& asked, const Space& stored) {
  const auto& a = asked.parameters();
  const auto& b = stored.parameters();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    require_same(folder, message("the name of the space's parameter ", i), a[i].first, b[i].first);
    require_same(folder, "space[\"" + a[i].first + "\"]", to_text(a[i].second), to_text(b[i].second));
  }
  require_same(folder, "the number of the space's parameters", a.size(), b.size());
}

void require_same(const fs::path& folder, const HyperbandOptions& asked, const HyperbandOptions& stored) {
  require_same(folder, "min_resource", asked.min_resource, stored.min_resource);
  require_same(folder, "max_resource", asked.max_resource, stored.max_resource);
  require_same(folder, "eta", asked.eta, stored.eta);
  require_same(folder, "mode", to_text(asked.mode), to_text(stored.mode));
  require_same(folder, "seed", asked.seed, stored.seed);
  require_same(folder, "brackets", asked.brackets, stored.brackets);
  require_same(folder, "sampling", to_text(asked.sampling), to_text(stored.sampling));
}

void require_same(const fs::path& folder, const std::vector<std::string>& asked, const std::vector<std::string>& stored) {
  require_same(folder, "the number of objectives", asked.size(), stored.size());
  for (std::size_t i = 0; i < asked.size(); ++i) require_same(folder, message("objectives[", i, "]"), asked[i], stored[i]);
}

void check(const StudyOptions& options) {
  require(options.max_attempts >= 1, "max_attempts is ", options.max_attempts, ", but must be at least 1");
  require(options.lease_s > 0.0 && std::isfinite(options.lease_s), "lease_s is ", options.lease_s,
          ", but must be above 0 and finite");
  require(!options.objectives.empty(), "objectives is empty, but must name at least one");
  for (std::size_t i = 0; i < options.objectives.size(); ++i) {
    require(!options.objectives[i].empty(), "objectives[", i, "] is empty, but must be a name");
    for (std::size_t j = 0; j < i; ++j)
      require(options.objectives[i] != options.objectives[j], "objectives[", i, "] is \"", options.objectives[i],
              "\", but so is objectives[", j, "]: names must differ");
  }
  for (const auto& [name, bytes] :
       {std::pair("checkpoint_bytes", options.checkpoint_bytes), std::pair("library_bytes", options.library_bytes)})
    require(!bytes || *bytes >= 0, name, " is ", bytes.value_or(0), ", but must be at least 0");
}

}  // namespace

Study::Study(const fs::path& folder, const Space& space, const StudyOptions& options) {
  check(options);
  StudyDefinition definition{space, options.hyperband, options.objectives};
  definition.hyperband.objectives = static_cast<int>(options.objectives.size());
  const AsyncHyperband valid(space, definition.hyperband);  // says what is wrong before a folder is made
  make_folder(folder);
  auto lock = std::make_unique<FileLock>(folder / "study.lock");
  if (!fs::exists(folder / kDatabase)) EventLog::create(folder / kDatabase, definition);
  const auto state = std::make_shared<StudyState>(folder, std::move(lock), options);
  require_same(folder, space, state->ledger.machine().space());
  require_same(folder, options.hyperband, state->ledger.machine().options());
  require_same(folder, options.objectives, state->options.objectives);
  state_ = state;
}

Study::Study(const fs::path& folder, const StudyOptions& options) {
  check(options);
  if (!fs::exists(folder / kDatabase)) throw FileError(folder / kDatabase, "is missing: there is no study");
  state_ = std::make_shared<StudyState>(folder, std::make_unique<FileLock>(folder / "study.lock"), options);
}

std::optional<TrialJob> Study::ask(const AskOptions& options) { return state_->ask(options); }
TrialJob Study::attempt(std::string_view token) const { return state_->attempt(token); }

bool Study::finished(std::int64_t trials) const {
  const std::lock_guard guard(state_->mutex);
  return state_->ledger.finished(trials);
}

void Study::enqueue(const Config& config) {
  StudyState::Guard guard(state_->mutex);
  state_->check_usable();
  state_->record(guard, state_->ledger.enqueue(config, now()));
}

std::vector<Trial> Study::trials() const {
  const std::lock_guard guard(state_->mutex);
  std::vector<Trial> result;
  for (std::int64_t number = 0; number < state_->ledger.machine().trials(); ++number)
    result.push_back(state_->ledger.trial(number));
  return result;
}

std::optional<Trial> Study::best() const {
  const std::lock_guard guard(state_->mutex);
  const auto found = state_->ledger.best();
  return found ? std::optional(state_->ledger.trial(found->trial)) : std::nullopt;
}

Progress Study::progress() const {
  const std::lock_guard guard(state_->mutex);
  return state_->progress();
}

ModelLibrary Study::library() const { return state_->library; }
const fs::path& Study::folder() const { return state_->folder; }
const Space& Study::space() const { return state_->ledger.machine().space(); }
const StudyOptions& Study::options() const { return state_->options; }
const std::vector<std::int64_t>& Study::rungs() const { return state_->ledger.machine().rungs(); }

std::string to_json(const Trial& trial) {
  Json losses = Json::array();
  for (const auto& [resource, loss] : trial.losses) losses.push_back({{"resource", resource}, {"loss", json_number(loss)}});
  return Json{{"number", trial.number},
              {"config", Json::parse(to_json(trial.config))},
              {"state", to_text(trial.state)},
              {"bracket", trial.bracket},
              {"losses", losses},
              {"attempts", trial.attempts},
              {"message", trial.message},
              {"started_s", trial.started_s},
              {"changed_s", trial.changed_s}}
      .dump();
}

}  // namespace quorate
