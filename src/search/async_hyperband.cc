#include "quorate/search/async_hyperband.h"

#include <algorithm>
#include <deque>
#include <numeric>

#include "core/message.h"
#include "quorate/search/brackets.h"
#include "search/rung.h"

namespace quorate {
namespace {

// A trial's independent sequences of random numbers.
enum class Purpose : std::uint64_t { kConfig, kBracket, kTraining };
constexpr std::uint64_t kPurposes = 3;

Random random_for(std::uint64_t seed, std::int64_t trial, Purpose purpose) {
  return Random(seed, static_cast<std::uint64_t>(trial) * kPurposes + static_cast<std::uint64_t>(purpose));
}

}  // namespace

std::string_view to_text(TrialState state) {
  switch (state) {
    case TrialState::kRunning:
      return "running";
    case TrialState::kWaiting:
      return "waiting";
    case TrialState::kPaused:
      return "paused";
    case TrialState::kCompleted:
      return "completed";
    case TrialState::kStopped:
      return "stopped";
    case TrialState::kFailed:
      return "failed";
  }
  return "";
}

struct AsyncHyperband::State {
  struct Trial {
    Job job;  // the last one handed out
    TrialState state = TrialState::kRunning;
    std::int64_t last_resource = 0;  // reported by this attempt
    std::optional<int> measured;     // the highest rung that has a loss of this trial, and
    Rung::Place place = 0;           // where in that rung
  };

  State(Space s, const HyperbandOptions& o)
      : space(std::move(s)),
        options(o),
        eta(o.eta),
        rungs(rung_resources(o.min_resource, o.max_resource, eta)),
        sizes(bracket_sizes(rungs.size(), eta)),
        losses(rungs.size(), std::vector<Rung>(rungs.size(), Rung(eta, o.mode == Mode::kStop ? 1 : 0))) {}

  int draw_bracket(std::int64_t trial) const {
    double left =
        random_for(options.seed, trial, Purpose::kBracket).uniform() * std::accumulate(sizes.begin(), sizes.end(), 0.0);
    for (std::size_t bracket = 0; bracket + 1 < sizes.size(); ++bracket) {
      if (left < sizes[bracket]) return static_cast<int>(bracket);
      left -= sizes[bracket];
    }
    return static_cast<int>(sizes.size()) - 1;
  }

  Job start_trial() {
    Trial trial;
    trial.job.trial = static_cast<std::int64_t>(trials.size());
    if (queue.empty()) {
      Random random = random_for(options.seed, trial.job.trial, Purpose::kConfig);
      trial.job.config = space.sample(random);
    } else {
      trial.job.config = std::move(queue.front());
      queue.pop_front();
    }
    trial.job.bracket = draw_bracket(trial.job.trial);
    trial.job.rung = options.mode == Mode::kStop ? top() : trial.job.bracket;
    trial.job.to_resource = rungs[static_cast<std::size_t>(trial.job.rung)];
    trials.push_back(std::move(trial));
    return trials.back().job;
  }

  Job retry() {
    Trial& trial = trials[static_cast<std::size_t>(waiting.front())];
    waiting.pop_front();
    ++trial.job.attempt;
    trial.last_resource = 0;
    trial.state = TrialState::kRunning;
    return trial.job;
  }

  std::optional<Job> promote() {
    if (options.mode == Mode::kStop) return std::nullopt;
    for (int rung = top() - 1; rung >= 0; --rung)
      for (int bracket = 0; bracket <= rung; ++bracket)
        if (const auto number = at(bracket, rung).take()) {
          Trial& trial = trials[static_cast<std::size_t>(*number)];
          trial.job.rung = rung + 1;
          trial.job.from_resource = trial.job.to_resource;
          trial.job.to_resource = rungs[static_cast<std::size_t>(rung) + 1];
          trial.job.attempt = 1;
          trial.last_resource = 0;
          trial.state = TrialState::kRunning;
          return trial.job;
        }
    return std::nullopt;
  }

  // The running trial that the job belongs to.
  Trial& running(const Job& job) {
    require(job.trial >= 0 && job.trial < static_cast<std::int64_t>(trials.size()), "job is of trial ", job.trial,
            ", but only trials below ", trials.size(), " were handed out");
    Trial& trial = trials[static_cast<std::size_t>(job.trial)];
    const bool current = job.rung == trial.job.rung && job.attempt == trial.job.attempt;
    require(current && trial.state == TrialState::kRunning, "job is attempt ", job.attempt, " of trial ", job.trial,
            " to resource ", job.to_resource, ", which is over: the trial is ", to_text(trial.state), " at attempt ",
            trial.job.attempt, " to resource ", trial.job.to_resource);
    return trial;
  }

  // The rung of the trial's bracket at exactly this resource, where there is one.
  std::optional<int> rung_at(const Trial& trial, std::int64_t resource) const {
    for (int rung = trial.job.bracket; rung <= top(); ++rung)
      if (rungs[static_cast<std::size_t>(rung)] == resource) return rung;
    return std::nullopt;
  }

  bool report(Trial& trial, std::int64_t resource, double loss) {
    trial.last_resource = resource;
    const auto rung = rung_at(trial, resource);
    if (!rung || (trial.measured && *rung <= *trial.measured)) return true;
    Rung& reached = at(trial.job.bracket, *rung);
    trial.place = reached.add(loss, trial.job.trial);
    trial.measured = rung;
    if (*rung == top()) {
      trial.state = TrialState::kCompleted;
    } else if (options.mode == Mode::kPromote) {
      trial.state = TrialState::kPaused;
    } else if (!reached.among_best(trial.place)) {
      trial.state = TrialState::kStopped;
    }
    return trial.state == TrialState::kRunning;
  }

  int top() const { return static_cast<int>(rungs.size()) - 1; }
  Rung& at(int bracket, int rung) { return losses[static_cast<std::size_t>(bracket)][static_cast<std::size_t>(rung)]; }

  Space space;
  HyperbandOptions options;
  ReductionFactor eta;
  std::vector<std::int64_t> rungs;
  std::vector<double> sizes;              // [brackets]
  std::vector<std::vector<Rung>> losses;  // [brackets][rungs]
  std::vector<Trial> trials;
  std::deque<std::int64_t> waiting;  // trials to be retried
  std::deque<Config> queue;          // configurations for new trials
};

AsyncHyperband::AsyncHyperband(Space space, const HyperbandOptions& options)
    : state_(std::make_unique<State>(std::move(space), options)) {}
AsyncHyperband::~AsyncHyperband() = default;
AsyncHyperband::AsyncHyperband(AsyncHyperband&&) noexcept = default;
AsyncHyperband& AsyncHyperband::operator=(AsyncHyperband&&) noexcept = default;

Job AsyncHyperband::ask() {
  if (auto job = resume()) return *std::move(job);
  return state_->start_trial();
}

std::optional<Job> AsyncHyperband::resume() {
  if (!state_->waiting.empty()) return state_->retry();
  return state_->promote();
}

void AsyncHyperband::enqueue(Config config) {
  state_->space.check(config);
  state_->queue.push_back(std::move(config));
}

void AsyncHyperband::tell(const Job& job, double loss) { report(job, state_->running(job).job.to_resource, loss); }

bool AsyncHyperband::report(const Job& job, std::int64_t resource, double loss) {
  State::Trial& trial = state_->running(job);
  const std::int64_t last = std::max(trial.last_resource, trial.job.from_resource);
  require(resource > last, "resource is ", resource, ", but must be above ", last, ", which trial ", job.trial,
          " has reached");
  require(resource <= trial.job.to_resource, "resource is ", resource, ", but must be at most ", trial.job.to_resource,
          ", the job's to_resource");
  return state_->report(trial, resource, loss);
}

void AsyncHyperband::fail(const Job& job, bool retry) {
  State::Trial& trial = state_->running(job);
  if (retry) {
    trial.state = TrialState::kWaiting;
    state_->waiting.push_back(job.trial);
    return;
  }
  trial.state = TrialState::kFailed;
  if (trial.measured) state_->at(trial.job.bracket, *trial.measured).remove(trial.place);
}

const Space& AsyncHyperband::space() const { return state_->space; }
const HyperbandOptions& AsyncHyperband::options() const { return state_->options; }
const std::vector<std::int64_t>& AsyncHyperband::rungs() const { return state_->rungs; }
std::int64_t AsyncHyperband::trials() const { return static_cast<std::int64_t>(state_->trials.size()); }

TrialState AsyncHyperband::state(std::int64_t trial) const {
  require(trial >= 0 && trial < trials(), "trial is ", trial, ", but must be from 0 to ", trials() - 1);
  return state_->trials[static_cast<std::size_t>(trial)].state;
}

std::int64_t AsyncHyperband::rung_size(int bracket, int rung) const {
  require(bracket >= 0 && bracket < brackets(), "bracket is ", bracket, ", but must be from 0 to ", brackets() - 1);
  require(rung >= bracket && rung < brackets(), "rung is ", rung, ", but must be from ", bracket, " to ", brackets() - 1);
  return state_->at(bracket, rung).size();
}

std::uint64_t AsyncHyperband::trial_seed(std::int64_t trial) const {
  return random_for(state_->options.seed, trial, Purpose::kTraining).next() >> 32;
}

}  // namespace quorate
