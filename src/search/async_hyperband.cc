#include "quorate/search/async_hyperband.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <unordered_map>

#include "core/message.h"
#include "quorate/search/brackets.h"
#include "search/rung.h"
#include "search/sobol.h"

namespace quorate {
namespace {

// A trial's independent sequences of random numbers.
enum class Purpose : std::uint64_t { kConfig, kBracket, kTraining };
constexpr std::uint64_t kPurposes = 3;

constexpr std::int64_t kMostTrials = std::numeric_limits<std::uint32_t>::max();  // rungs count in 32 bits

Random random_for(std::uint64_t seed, std::int64_t trial, Purpose purpose) {
  return Random(seed, static_cast<std::uint64_t>(trial) * kPurposes + static_cast<std::uint64_t>(purpose));
}

}  // namespace

struct AsyncHyperband::State {
  // What a job needs besides follows from these: unbounded streams of trials should be small.
  struct Trial {
    std::int64_t last_resource = 0;  // reported by this attempt
    int attempt = 1;
    Rung::Place place = 0;  // in the rung `measured`
    std::int16_t bracket = 0;
    std::int16_t rung = 0;       // where the last job that was handed out ends
    std::int16_t measured = -1;  // the highest rung that has losses of this trial
    TrialState state = TrialState::kRunning;
  };

  State(Space s, const HyperbandOptions& o)
      : space(std::move(s)),
        options(o),
        eta(o.eta),
        rungs(rung_resources(o.min_resource, o.max_resource, eta)),
        sizes(bracket_sizes(rungs.size(), eta)) {
    require(o.brackets >= 0 && o.brackets <= static_cast<int>(rungs.size()), "brackets is ", o.brackets,
            ", but must be from 1 to ", rungs.size(), ", the number of rungs, or 0 for all");
    if (o.brackets > 0) sizes.resize(static_cast<std::size_t>(o.brackets));
    all_sizes = std::accumulate(sizes.begin(), sizes.end(), 0.0);
    require(o.objectives >= 1, "objectives is ", o.objectives, ", but must be at least 1");
    if (o.sampling == Sampling::kSobol) sobol.emplace(space.parameters().size(), o.seed);
    for (std::size_t slot = 0; slot < rungs.size() * (rungs.size() + 1) / 2; ++slot)
      losses.push_back(make_rung(o.objectives, eta, o.mode));
    promising.resize(losses.size() / 64 + 1);
  }

  std::int16_t draw_bracket(std::int64_t trial) const {
    double left = random_for(options.seed, trial, Purpose::kBracket).uniform() * all_sizes;
    for (std::size_t bracket = 0; bracket + 1 < sizes.size(); ++bracket) {
      if (left < sizes[bracket]) return static_cast<std::int16_t>(bracket);
      left -= sizes[bracket];
    }
    return static_cast<std::int16_t>(sizes.size() - 1);
  }

  Config config(std::int64_t trial) const {
    if (const auto found = given.find(trial); found != given.end()) return found->second;
    if (sobol) {
      std::vector<double> point(sobol->dimensions());
      sobol->at(trial, point);
      return space.at(point);
    }
    Random random = random_for(options.seed, trial, Purpose::kConfig);
    return space.sample(random);
  }

  Job job(std::int64_t number) const {
    const Trial& trial = trials[static_cast<std::size_t>(number)];
    return {number, config(number), trial.bracket, trial.rung, start(trial), end(trial), trial.attempt};
  }

  std::int64_t end(const Trial& trial) const { return rungs[static_cast<std::size_t>(trial.rung)]; }
  std::int64_t start(const Trial& trial) const {
    if (options.mode == Mode::kStop || trial.rung == trial.bracket) return 0;
    return rungs[static_cast<std::size_t>(trial.rung) - 1];
  }

  Job start_trial() {
    const auto number = static_cast<std::int64_t>(trials.size());
    if (number == kMostTrials) throw std::length_error(message("a search has at most ", kMostTrials, " trials"));
    if (!queue.empty()) {
      given.emplace(number, std::move(queue.front()));
      queue.pop_front();
    }
    Trial trial;
    trial.bracket = draw_bracket(number);
    trial.rung = options.mode == Mode::kStop ? static_cast<std::int16_t>(top()) : trial.bracket;
    trials.push_back(trial);
    return job(number);
  }

  Job hand_out_again(std::int64_t number, std::int16_t rung, int attempt) {
    Trial& trial = trials[static_cast<std::size_t>(number)];
    trial.rung = rung;
    trial.attempt = attempt;
    trial.last_resource = 0;
    trial.state = TrialState::kRunning;
    return job(number);
  }

  Job retry() {
    const std::int64_t number = waiting.front();
    waiting.pop_front();
    const Trial& trial = trials[static_cast<std::size_t>(number)];
    return hand_out_again(number, trial.rung, trial.attempt + 1);
  }

  bool promotable() {
    for (std::size_t word = 0; word < promising.size(); ++word)
      for (; promising[word] != 0; promising[word] &= promising[word] - 1)
        if (losses[first_promising(word)]->ready()) return true;
    return false;
  }

  std::optional<Job> promote() {
    for (std::size_t word = 0; word < promising.size(); ++word)
      for (; promising[word] != 0; promising[word] &= promising[word] - 1)
        if (const auto number = losses[first_promising(word)]->take()) {
          const int rung = trials[static_cast<std::size_t>(*number)].measured + 1;
          return hand_out_again(*number, static_cast<std::int16_t>(rung), 1);
        }
    return std::nullopt;
  }

  std::size_t first_promising(std::size_t word) const {
    return word * 64 + static_cast<std::size_t>(std::countr_zero(promising[word]));
  }

  // The running trial that the job belongs to.
  Trial& running(const Job& job) {
    require(job.trial >= 0 && job.trial < static_cast<std::int64_t>(trials.size()), "job is of trial ", job.trial,
            ", but only trials below ", trials.size(), " were handed out");
    Trial& trial = trials[static_cast<std::size_t>(job.trial)];
    const bool current = job.rung == trial.rung && job.attempt == trial.attempt;
    require(current && trial.state == TrialState::kRunning, "job is attempt ", job.attempt, " of trial ", job.trial,
            " to resource ", job.to_resource, ", which is over: the trial is ", to_text(trial.state), " at attempt ",
            trial.attempt, " to resource ", end(trial));
    return trial;
  }

  // The rung of the trial's bracket at exactly this resource, where there is one.
  std::optional<int> rung_at(const Trial& trial, std::int64_t resource) const {
    const auto found = std::lower_bound(rungs.begin() + trial.bracket, rungs.end(), resource);
    if (found == rungs.end() || *found != resource) return std::nullopt;
    return static_cast<int>(found - rungs.begin());
  }

  bool report(std::int64_t number, Trial& trial, std::int64_t resource, std::span<const double> measured) {
    trial.last_resource = resource;
    const auto rung = rung_at(trial, resource);
    if (!rung || *rung <= trial.measured) return true;
    Rung& reached = at(trial.bracket, *rung);
    look_at(trial.bracket, *rung);
    trial.place = reached.add(measured, number);
    trial.measured = static_cast<std::int16_t>(*rung);
    if (*rung == top()) {
      trial.state = TrialState::kCompleted;
    } else if (options.mode != Mode::kStop) {
      trial.state = TrialState::kPaused;
    } else if (!reached.among_best(trial.place)) {
      trial.state = TrialState::kStopped;
    }
    return trial.state == TrialState::kRunning;
  }

  void fail(Trial& trial) {
    trial.state = TrialState::kFailed;
    if (trial.measured < 0) return;
    at(trial.bracket, trial.measured).remove(trial.place);
    look_at(trial.bracket, trial.measured);
  }

  // What share of its rung ranks ahead of each trial: of one that is paused; above 1 for those that are over.
  std::vector<double> shares_ahead() const {
    std::vector<double> shares(trials.size());
    for (std::size_t i = 0; i < trials.size(); ++i) shares[i] = trials[i].state == TrialState::kPaused ? 1.0 : 2.0;
    for (int rung = 0; rung < top(); ++rung)
      for (int bracket = 0; bracket <= rung; ++bracket) {
        const auto ranking = at(bracket, rung).ranking();
        const auto size = static_cast<double>(at(bracket, rung).size());
        for (std::size_t i = 0; i < ranking.size(); ++i) {
          const auto number = static_cast<std::size_t>(ranking[i]);
          if (trials[number].state == TrialState::kPaused && trials[number].measured == rung)
            shares[number] = static_cast<double>(i) / size;
        }
      }
    return shares;
  }

  int top() const { return static_cast<int>(rungs.size()) - 1; }

  // The highest rung first, of a rung the lowest bracket first: the order in which promote() looks at them.
  std::size_t slot(int bracket, int rung) const {
    const int above = top() - rung;
    return static_cast<std::size_t>(above * (top() + 1) - above * (above - 1) / 2 + bracket);
  }
  Rung& at(int bracket, int rung) const { return *losses[slot(bracket, rung)]; }

  // Somebody may be promoted from there now.
  void look_at(int bracket, int rung) {
    if (options.mode == Mode::kStop || rung == top()) return;
    promising[slot(bracket, rung) / 64] |= std::uint64_t{1} << slot(bracket, rung) % 64;
  }

  Space space;
  HyperbandOptions options;
  std::optional<SobolSequence> sobol;
  ReductionFactor eta;
  std::vector<std::int64_t> rungs;
  std::vector<double> sizes;  // [brackets], and their sum
  double all_sizes = 0.0;
  std::vector<std::unique_ptr<Rung>> losses;  // [slots]
  std::vector<std::uint64_t> promising;       // a bit for each slot
  std::vector<Trial> trials;
  std::deque<std::int64_t> waiting;                // trials to be retried
  std::deque<Config> queue;                        // configurations for new trials
  std::unordered_map<std::int64_t, Config> given;  // of trials that took theirs from the queue
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

bool AsyncHyperband::can_resume() const { return !state_->waiting.empty() || state_->promotable(); }
Job AsyncHyperband::begin() { return state_->start_trial(); }

void AsyncHyperband::enqueue(Config config) {
  state_->space.check(config);
  state_->queue.push_back(std::move(config));
}

void AsyncHyperband::tell(const Job& job, double loss) { tell(job, std::span(&loss, 1)); }
void AsyncHyperband::tell(const Job& job, std::span<const double> losses) {
  report(job, state_->end(state_->running(job)), losses);
}

bool AsyncHyperband::report(const Job& job, std::int64_t resource, double loss) {
  return report(job, resource, std::span(&loss, 1));
}

bool AsyncHyperband::report(const Job& job, std::int64_t resource, std::span<const double> losses) {
  State::Trial& trial = state_->running(job);
  const std::int64_t last = std::max(trial.last_resource, state_->start(trial));
  const std::int64_t to_resource = state_->end(trial);
  require(resource > last, "resource is ", resource, ", but must be above ", last, ", which trial ", job.trial,
          " has reached");
  require(resource <= to_resource, "resource is ", resource, ", but must be at most ", to_resource,
          ", the job's to_resource");
  const int objectives = state_->options.objectives;
  require(losses.size() == static_cast<std::size_t>(objectives), "losses holds ", losses.size(), " values, but must hold ",
          objectives, ", one for each objective");
  return state_->report(job.trial, trial, resource, losses);
}

void AsyncHyperband::fail(const Job& job, bool retry) {
  State::Trial& trial = state_->running(job);
  if (retry) {
    trial.state = TrialState::kWaiting;
    state_->waiting.push_back(job.trial);
    return;
  }
  state_->fail(trial);
}

const Space& AsyncHyperband::space() const { return state_->space; }
const HyperbandOptions& AsyncHyperband::options() const { return state_->options; }
const std::vector<std::int64_t>& AsyncHyperband::rungs() const { return state_->rungs; }
int AsyncHyperband::brackets() const { return static_cast<int>(state_->sizes.size()); }
std::int64_t AsyncHyperband::trials() const { return static_cast<std::int64_t>(state_->trials.size()); }

TrialState AsyncHyperband::state(std::int64_t trial) const {
  require(trial >= 0 && trial < trials(), "trial is ", trial, ", but must be from 0 to ", trials() - 1);
  return state_->trials[static_cast<std::size_t>(trial)].state;
}

std::int64_t AsyncHyperband::rung_size(int bracket, int rung) const {
  require(bracket >= 0 && bracket < brackets(), "bracket is ", bracket, ", but must be from 0 to ", brackets() - 1);
  require(rung >= bracket && rung <= state_->top(), "rung is ", rung, ", but must be from ", bracket, " to ", state_->top());
  return state_->at(bracket, rung).size();
}

Config AsyncHyperband::config(std::int64_t trial) const {
  require(trial >= 0 && trial < trials(), "trial is ", trial, ", but must be from 0 to ", trials() - 1);
  return state_->config(trial);
}

std::int64_t AsyncHyperband::queued() const { return static_cast<std::int64_t>(state_->queue.size()); }

std::vector<std::int64_t> AsyncHyperband::least_promising() const {
  std::vector<std::int64_t> result;
  for (std::int64_t trial = 0; trial < trials(); ++trial)
    if (const TrialState now = state(trial); now != TrialState::kRunning && now != TrialState::kWaiting)
      result.push_back(trial);
  const std::vector<double> ahead = state_->shares_ahead();
  std::sort(result.begin(), result.end(), [&](std::int64_t a, std::int64_t b) {
    const double ahead_a = ahead[static_cast<std::size_t>(a)], ahead_b = ahead[static_cast<std::size_t>(b)];
    return ahead_a != ahead_b ? ahead_a > ahead_b : a > b;
  });
  return result;
}

std::uint64_t AsyncHyperband::trial_seed(std::int64_t trial) const {
  return random_for(state_->options.seed, trial, Purpose::kTraining).next() >> 32;
}

}  // namespace quorate
