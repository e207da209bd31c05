#include "quorate/search/study.h"

#include "core/json.h"
#include "core/message.h"
#include "quorate/core/error.h"
#include "search/study_state.h"

namespace quorate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDatabase = "study.db";

std::string_view to_text(Mode mode) { return mode == Mode::kPromote ? "promote" : "stop"; }

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
}

void check_attempts(int max_attempts) {
  require(max_attempts >= 1, "max_attempts is ", max_attempts, ", but must be at least 1");
}

}  // namespace

StudyState::StudyState(const fs::path& study_folder, std::unique_ptr<FileLock> held_lock)
    : folder(study_folder),
      lock(std::move(held_lock)),
      log(folder / kDatabase),
      ledger(log.space(), log.options()),
      library(folder / "library") {
  log.replay([this](const Event& event) { ledger.apply(event); });
  ledger.interrupt_all();
  log.trust();
}

Study::Study(const fs::path& folder, const Space& space, const StudyOptions& options) {
  check_attempts(options.max_attempts);
  const AsyncHyperband valid(space, options.hyperband);  // says what is wrong before a folder is made
  make_folder(folder);
  auto lock = std::make_unique<FileLock>(folder / "study.lock");
  if (!fs::exists(folder / kDatabase)) EventLog::create(folder / kDatabase, space, options.hyperband);
  state_ = std::make_shared<StudyState>(folder, std::move(lock));
  require_same(folder, space, state_->ledger.machine().space());
  require_same(folder, options.hyperband, state_->ledger.machine().options());
  state_->max_attempts = options.max_attempts;
}

Study::Study(const fs::path& folder, int max_attempts) {
  check_attempts(max_attempts);
  if (!fs::exists(folder / kDatabase)) throw FileError(folder / kDatabase, "is missing: there is no study");
  state_ = std::make_shared<StudyState>(folder, std::make_unique<FileLock>(folder / "study.lock"));
  state_->max_attempts = max_attempts;
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
const HyperbandOptions& Study::options() const { return state_->ledger.machine().options(); }
int Study::max_attempts() const { return state_->max_attempts; }
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
              {"message", trial.message}}
      .dump();
}

}  // namespace quorate
