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

// A random schedule: several jobs at once, out of order, with failures, retries, ties and losses that are not finite.
void compare_with_oracle(std::uint64_t seed) {
  Random random(seed, 99);
  const Mode mode = random.below(2) == 0 ? Mode::kPromote : Mode::kStop;
  const auto eta_thousandths = static_cast<std::int64_t>(1500 + 250 * random.below(11));  // 1.5, 1.75 ... 4
  const auto top = static_cast<std::int64_t>(1 + random.below(40));
  AsyncHyperband machine(space(),
                         {.min_resource = static_cast<std::int64_t>(1 + random.below(static_cast<std::uint64_t>(top))),
                          .max_resource = top,
                          .eta = static_cast<double>(eta_thousandths) / 1000.0,
                          .mode = mode,
                          .seed = seed});
  oracle::Hyperband expected(machine.rungs(), eta_thousandths, mode == Mode::kStop);
  const auto loss = [&] {
    switch (random.below(12)) {
      case 0:
        return kNan;
      case 1:
        return random.below(2) == 0 ? kInf : -kInf;
      default:
        return static_cast<double>(random.below(8));  // many ties
    }
  };
  struct Running {
    Job job;
    oracle::Hyperband::Job twin;
    std::int64_t resource = 0;
  };
  std::vector<Running> running;
  for (int step = 0; step < 250; ++step) {
    if (running.empty() || (running.size() < 6 && random.below(2) == 0)) {
      std::optional<Job> job;
      std::optional<oracle::Hyperband::Job> twin;
      if (random.below(3) == 0) {
        job = machine.resume();
        twin = expected.resume();
        ASSERT_EQ(job.has_value(), twin.has_value()) << "seed " << seed << " step " << step;
        if (!job) continue;
      } else {
        job = machine.ask();
        twin = expected.ask(job->bracket);
      }
      ASSERT_EQ(job->trial, twin->trial) << "seed " << seed << " step " << step;
      ASSERT_EQ(job->bracket, twin->bracket);
      ASSERT_EQ(job->rung, twin->rung);
      ASSERT_EQ(job->attempt, twin->attempt);
      ASSERT_EQ(job->to_resource, machine.rungs()[static_cast<std::size_t>(job->rung)]);
      running.push_back({*job, *twin, job->from_resource});
      continue;
    }
    const auto chosen = running.begin() + static_cast<std::ptrdiff_t>(random.below(running.size()));
    if (random.below(8) == 0) {
      const bool retry = random.below(2) == 0;
      machine.fail(chosen->job, retry);
      expected.fail(chosen->twin, retry);
      running.erase(chosen);
      continue;
    }
    const std::int64_t left = chosen->job.to_resource - chosen->resource;
    chosen->resource +=
        static_cast<std::int64_t>(1 + random.below(static_cast<std::uint64_t>(std::min<std::int64_t>(left, 4))));
    const double measured = loss();
    const bool go_on = machine.report(chosen->job, chosen->resource, measured);
    ASSERT_EQ(go_on, expected.report(chosen->twin, chosen->resource, measured)) << "seed " << seed << " step " << step;
    if (!go_on) running.erase(chosen);
  }
}

TEST(AsyncHyperband, EqualsTheOracleOnRandomSchedules) {
  for (std::uint64_t seed = 0; seed < 3000 && !HasFailure(); ++seed) compare_with_oracle(seed);
}

}  // namespace
}  // namespace quorate
