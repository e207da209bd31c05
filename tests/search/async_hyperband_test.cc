#include "quorate/search/async_hyperband.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "oracle/hyperband.h"
#include "quorate/search/brackets.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Space space() { return Space({{"x", Float{0.0, 1.0}}, {"n", Int{1, 9}}}); }

// One rung below the top and, with min_resource = max / eta, brackets {both rungs, top only}; the first `count` new trials
// of bracket 0 are told `losses`, those of bracket 1 are told 1 at the top.
struct Promoting {
  explicit Promoting(HyperbandOptions options) : machine(space(), options) {}

  Job next_of_bracket(int bracket) {
    for (;;) {
      Job job = machine.ask();
      if (job.bracket == bracket) return job;
      machine.fail(job);
    }
  }

  AsyncHyperband machine;
};

// New trials, of which those of bracket 0 are kept; the others fail.
std::vector<Job> of_bracket_0(AsyncHyperband& machine, std::size_t count) {
  std::vector<Job> jobs;
  while (jobs.size() < count) {
    const Job job = machine.begin();
    if (job.bracket == 0)
      jobs.push_back(job);
    else
      machine.fail(job);
  }
  return jobs;
}

TEST(AsyncHyperband, PromotesTheBestThirdAndNoMore) {
  Promoting p({.min_resource = 3, .max_resource = 9});
  std::vector<std::int64_t> numbers;
  for (const double loss : {0.5, 0.2}) {
    const Job job = p.next_of_bracket(0);
    numbers.push_back(job.trial);
    EXPECT_EQ(job.from_resource, 0);
    EXPECT_EQ(job.to_resource, 3);
    p.machine.tell(job, loss);
    EXPECT_FALSE(p.machine.resume());  // floor(2 / 3) = 0
  }
  p.machine.tell(p.next_of_bracket(0), 0.9);
  const auto promoted = p.machine.resume();
  ASSERT_TRUE(promoted);
  EXPECT_EQ(promoted->trial, numbers[1]);
  EXPECT_EQ(promoted->from_resource, 3);
  EXPECT_EQ(promoted->to_resource, 9);
  EXPECT_EQ(promoted->rung, 1);
  EXPECT_FALSE(p.machine.resume());
  p.machine.tell(*promoted, 0.1);
  EXPECT_EQ(p.machine.state(promoted->trial), TrialState::kCompleted);
  EXPECT_EQ(p.machine.state(numbers[0]), TrialState::kPaused);
}

TEST(AsyncHyperband, TiesGoToTheEarlierTrial) {
  Promoting p({.min_resource = 3, .max_resource = 9});
  std::vector<Job> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(p.next_of_bracket(0));
  for (const int i : {2, 1, 0}) p.machine.tell(jobs[static_cast<std::size_t>(i)], 0.5);
  EXPECT_EQ(p.machine.resume()->trial, jobs[0].trial);
}

TEST(AsyncHyperband, LossesThatAreNotFiniteCountButNeverGoOn) {
  Promoting p({.min_resource = 3, .max_resource = 9});
  for (const double loss : {kNan, kInf, -kInf, kNan, kNan}) p.machine.tell(p.next_of_bracket(0), loss);
  EXPECT_FALSE(p.machine.resume());
  const Job finite = p.next_of_bracket(0);
  p.machine.tell(finite, 1e300);
  EXPECT_EQ(p.machine.resume()->trial, finite.trial);  // one of two places; nobody has the other
  EXPECT_FALSE(p.machine.resume());
}

TEST(AsyncHyperband, AFailedTrialGivesUpItsPlace) {
  Promoting p({.min_resource = 3, .max_resource = 9});
  std::vector<Job> jobs;
  for (const double loss : {0.1, 0.2, 0.3}) {
    jobs.push_back(p.next_of_bracket(0));
    p.machine.tell(jobs.back(), loss);
  }
  const Job first = *p.machine.resume();
  EXPECT_EQ(first.trial, jobs[0].trial);
  EXPECT_FALSE(p.machine.resume());
  p.machine.fail(first);
  EXPECT_EQ(p.machine.state(first.trial), TrialState::kFailed);
  EXPECT_EQ(p.machine.resume()->trial, jobs[1].trial);
}

TEST(AsyncHyperband, AFailureCanBeRetried) {
  Promoting p({.min_resource = 3, .max_resource = 9});
  const Job job = p.next_of_bracket(0);
  p.machine.fail(job, true);
  EXPECT_EQ(p.machine.state(job.trial), TrialState::kWaiting);
  const Job again = p.machine.ask();
  EXPECT_EQ(again.trial, job.trial);
  EXPECT_EQ(again.attempt, 2);
  EXPECT_EQ(again.config, job.config);
  EXPECT_THAT([&] { p.machine.tell(job, 0.1); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("job is attempt 1 of trial")));
  p.machine.tell(again, 0.1);
}

TEST(AsyncHyperband, StopsWhatIsNotAmongTheBest) {
  AsyncHyperband machine(space(), {.min_resource = 3, .max_resource = 9, .mode = Mode::kStop});
  std::vector<Job> jobs;
  while (jobs.size() < 4) {
    const Job job = machine.ask();
    EXPECT_EQ(job.from_resource, 0);
    EXPECT_EQ(job.to_resource, 9);
    if (job.bracket == 0) jobs.push_back(job);
  }
  EXPECT_TRUE(machine.report(jobs[0], 1, kNan));  // no rung: nothing is decided
  EXPECT_TRUE(machine.report(jobs[0], 3, 0.5));   // the best so far
  EXPECT_FALSE(machine.report(jobs[1], 3, 0.6));
  EXPECT_EQ(machine.state(jobs[1].trial), TrialState::kStopped);
  EXPECT_TRUE(machine.report(jobs[2], 3, 0.4));
  EXPECT_FALSE(machine.report(jobs[3], 3, kNan));
  EXPECT_FALSE(machine.report(jobs[0], 9, 0.1));
  EXPECT_EQ(machine.state(jobs[0].trial), TrialState::kCompleted);
  EXPECT_FALSE(machine.resume());
}

TEST(AsyncHyperband, ARungCountsOnlyLossesAtItsResource) {
  AsyncHyperband machine(space(), {.min_resource = 1, .max_resource = 27, .mode = Mode::kStop});
  Job job = machine.ask();
  while (job.bracket != 0) job = machine.ask();
  EXPECT_TRUE(machine.report(job, 10, 0.5));  // past the rungs at 1, 3 and 9, which it skipped
  for (int rung = 0; rung < 4; ++rung) EXPECT_EQ(machine.rung_size(0, rung), 0);
  EXPECT_FALSE(machine.report(job, 27, 0.5));
  EXPECT_EQ(machine.rung_size(0, 3), 1);
}

TEST(AsyncHyperband, ALaterAttemptKeepsTheFirstLoss) {
  AsyncHyperband machine(space(), {.min_resource = 3, .max_resource = 9, .mode = Mode::kStop});
  Job job = machine.ask();
  while (job.bracket != 0) job = machine.ask();
  EXPECT_TRUE(machine.report(job, 3, 0.5));
  machine.fail(job, true);
  job = machine.ask();
  EXPECT_TRUE(machine.report(job, 3, kNan));
  EXPECT_EQ(machine.rung_size(0, 0), 1);
}

TEST(AsyncHyperband, WrongUseSaysWhatIsWrong) {
  AsyncHyperband machine(space(), {.min_resource = 1, .max_resource = 9});
  const auto says = [](const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); };
  Job stranger;
  EXPECT_THAT([&] { machine.tell(stranger, 0.0); }, says("job is of trial 0, but only trials below 0 were handed out"));
  Job job = machine.ask();
  while (job.to_resource != 9) job = machine.ask();
  EXPECT_TRUE(machine.report(job, 5, 0.5));
  EXPECT_THAT([&] { machine.report(job, 5, 0.5); }, says("resource is 5, but must be above 5, which trial"));
  EXPECT_THAT([&] { machine.report(job, 4, 0.5); }, says("resource is 4, but must be above 5"));
  EXPECT_THAT([&] { machine.report(job, 10, 0.5); }, says("resource is 10, but must be at most 9, the job's to_resource"));
  machine.tell(job, 0.1);
  EXPECT_THAT([&] { machine.tell(job, 0.1); }, says("which is over: the trial is completed at attempt 1 to resource 9"));
  EXPECT_THAT([&] { machine.fail(job); }, says("which is over"));
  EXPECT_THAT([&] { machine.state(machine.trials()); }, says("trial is "));
  EXPECT_THAT([&] { machine.rung_size(3, 0); }, says("bracket is 3, but must be from 0 to 2"));
  EXPECT_THAT([&] { machine.rung_size(1, 0); }, says("rung is 0, but must be from 1 to 2"));
  EXPECT_THAT(
      [&] {
        machine.enqueue({{{"x", 2.0}, {"n", std::int64_t{1}}}});
      },
      says("config[\"x\"] is 2.0, but must be a value of Float(0.0, 1.0)"));
}

TEST(AsyncHyperband, ATrialDependsOnSeedAndNumberAlone) {
  AsyncHyperband promote(space(), {.seed = 7}), stop(space(), {.mode = Mode::kStop, .seed = 7}), other(space(), {.seed = 8});
  std::map<std::int64_t, Job> first;
  while (promote.trials() < 200) {
    const Job job = promote.ask();
    first.emplace(job.trial, job);
    promote.tell(job, job.config.get<double>("x"));
  }
  int same = 0;
  for (std::int64_t trial = 0; trial < 200; ++trial) {
    const Job job = stop.ask();
    EXPECT_EQ(job.config, first.at(trial).config);
    EXPECT_EQ(job.bracket, first.at(trial).bracket);
    EXPECT_EQ(stop.trial_seed(trial), promote.trial_seed(trial));
    EXPECT_LT(stop.trial_seed(trial), std::uint64_t{1} << 32);
    same += other.ask().config == job.config;
  }
  EXPECT_LT(same, 5);
}

TEST(AsyncHyperband, EnqueuedConfigurationsComeFirst) {
  AsyncHyperband machine(space());
  const Config mine{{{"x", 0.25}, {"n", std::int64_t{4}}}};
  machine.enqueue(mine);
  EXPECT_EQ(machine.ask().config, mine);
  EXPECT_NE(machine.ask().config, mine);
}

TEST(AsyncHyperband, ATrialsConfigurationIsKnownLater) {
  AsyncHyperband machine(space(), {.seed = 3}), plain(space(), {.seed = 3});
  const Config mine{{{"x", 0.25}, {"n", std::int64_t{4}}}};
  std::vector<Config> configs;
  for (int i = 0; i < 20; ++i) {
    if (i % 5 == 2) machine.enqueue(mine);
    EXPECT_EQ(machine.queued(), i % 5 == 2);
    configs.push_back(machine.begin().config);
    EXPECT_EQ(machine.queued(), 0);
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(machine.config(i), configs[static_cast<std::size_t>(i)]);
    const Config drawn = plain.begin().config;
    EXPECT_EQ(machine.config(i), i % 5 == 2 ? mine : drawn);  // an enqueued one moves no other
  }
  EXPECT_THAT([&] { machine.config(20); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("trial is 20, but must be from 0 to 19")));
}

TEST(AsyncHyperband, SobolTrialsAreThePointsOfTheirNumbers) {
  const Space unit({{"x", Float{0.0, 1.0}}, {"y", Float{0.0, 1.0}}});
  AsyncHyperband promote(unit, {.seed = 7, .sampling = Sampling::kSobol});
  AsyncHyperband stop(unit, {.mode = Mode::kStop, .seed = 7, .sampling = Sampling::kSobol});
  AsyncHyperband other(unit, {.seed = 8, .sampling = Sampling::kSobol});
  std::map<std::int64_t, Config> first;
  while (promote.trials() < 64) {
    const Job job = promote.ask();
    first.emplace(job.trial, job.config);
    EXPECT_EQ(job.config, first.at(job.trial));  // also of later jobs
    promote.tell(job, job.config.get<double>("x"));
  }
  std::set<std::pair<int, int>> cells;
  for (std::int64_t trial = 0; trial < 64; ++trial) {
    EXPECT_EQ(stop.begin().config, first.at(trial));
    EXPECT_NE(other.begin().config, first.at(trial));
    const Config& config = first.at(trial);
    cells.emplace(static_cast<int>(config.get<double>("x") * 8), static_cast<int>(config.get<double>("y") * 8));
  }
  EXPECT_EQ(cells.size(), 64u);  // one in each
}

TEST(AsyncHyperband, SeveralObjectivesPromoteTheFront) {
  AsyncHyperband machine(space(), {.min_resource = 3, .max_resource = 9, .objectives = 2});
  const std::vector<std::vector<double>> losses = {{5, 5}, {1, 9}, {9, 1}, {3, 3}, {6, 6}, {2, kNan}};
  const std::vector<Job> jobs = of_bracket_0(machine, 7);
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_FALSE(machine.report(jobs[i], 3, losses[i]));
  EXPECT_TRUE(machine.can_resume());
  EXPECT_EQ(machine.resume()->trial, jobs[1].trial);  // two of the front's three: its ends
  EXPECT_EQ(machine.resume()->trial, jobs[2].trial);
  EXPECT_FALSE(machine.can_resume());
  EXPECT_THAT([&] { machine.tell(jobs[6], 1.0); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("losses holds 1 values, but must hold 2")));
}

TEST(AsyncHyperband, LeastPromisingAreThoseThatAreOverThenTheWorst) {
  AsyncHyperband machine(space(), {.min_resource = 3, .max_resource = 9});
  const std::vector<double> losses = {0.5, 0.2, kNan, 0.9, 0.1, 0.3};
  const std::vector<Job> jobs = of_bracket_0(machine, 6);
  for (std::size_t i = 0; i < losses.size(); ++i) machine.tell(jobs[i], losses[i]);
  EXPECT_EQ(machine.resume()->trial, jobs[4].trial);
  std::vector<std::int64_t> expected;
  for (std::int64_t trial = machine.trials() - 1; trial >= 0; --trial)
    if (machine.state(trial) == TrialState::kFailed) expected.push_back(trial);
  for (const std::size_t i : {2, 3, 0, 5, 1}) expected.push_back(jobs[i].trial);
  EXPECT_EQ(machine.least_promising(), expected);
}

TEST(AsyncHyperband, RefusesOptionsThatMakeNoSense) {
  const auto says = [](const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); };
  EXPECT_THAT([] { AsyncHyperband(space(), {.objectives = 0}); }, says("objectives is 0, but must be at least 1"));
  EXPECT_THAT([] { AsyncHyperband(space(), {.eta = 1.0}); }, says("eta is 1, but must be from 1.1"));
  std::vector<std::pair<std::string, Parameter>> many;
  for (int i = 0; i < 257; ++i) many.emplace_back(std::to_string(i), Float{});
  EXPECT_NO_THROW(AsyncHyperband(Space(many)).ask());
  EXPECT_THAT([&] { AsyncHyperband(Space(many), {.sampling = Sampling::kSobol}); },
              says("space has 257 parameters, but must have at most 256 with sampling \"sobol\""));
}

TEST(AsyncHyperband, BracketsAreDrawnInProportionToHyperbands) {
  AsyncHyperband machine(space(), {.max_resource = 27, .mode = Mode::kStop});
  constexpr int kTrials = 49'000;
  std::map<int, int> count;
  for (int i = 0; i < kTrials; ++i) ++count[machine.ask().bracket];
  const std::vector<double> sizes = bracket_sizes(4, ReductionFactor(3));  // {27, 12, 6, 4}: 49 in all
  for (int bracket = 0; bracket < 4; ++bracket) {
    const double p = sizes[static_cast<std::size_t>(bracket)] / 49.0;
    EXPECT_NEAR(count[bracket], kTrials * p, 4.0 * std::sqrt(kTrials * p * (1 - p))) << bracket;
  }
}

TEST(AsyncHyperband, FewerBracketsAreTheLongest) {
  AsyncHyperband asha(space(), {.brackets = 1}), two(space(), {.brackets = 2});
  EXPECT_EQ(asha.brackets(), 1);
  std::set<int> drawn;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(asha.begin().to_resource, 1);
    drawn.insert(two.begin().bracket);
  }
  EXPECT_EQ(drawn, (std::set<int>{0, 1}));
  for (const int brackets : {-1, 5})
    EXPECT_THAT(([&] { AsyncHyperband(space(), {.brackets = brackets}); }),
                ThrowsMessage<std::invalid_argument>(HasSubstr("brackets is " + std::to_string(brackets) +
                                                               ", but must be from 1 to 4, the number of rungs")));
}

}  // namespace
}  // namespace quorate
