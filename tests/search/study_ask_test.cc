// Workers that are none of run()'s: ask, report, heartbeat, tell, and what becomes of those that are never heard of again.
#include <gmock/gmock.h>

#include <cmath>
#include <thread>

#include "quorate/core/error.h"
#include "quorate/search/study.h"
#include "search/folder.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

template <class Error = AttemptOver>
auto says(const std::string& text) {
  return ThrowsMessage<Error>(HasSubstr(text));
}

Space space() { return Space({{"x", Float{0.0, 1.0}}}); }
StudyOptions options() { return {.hyperband = {.max_resource = 9, .seed = 1}}; }

// Trains as a remote worker does, each call twice: the second time as if the answer had been lost.
void train_twice_over(TrialJob job) {
  for (std::int64_t at = job.from_resource() + 1; at <= job.to_resource(); ++at) {
    const double loss = job.config().get<double>("x") + 1.0 / static_cast<double>(at);
    const bool go_on = job.report(at, loss);
    EXPECT_EQ(job.report(at, loss), go_on);
    EXPECT_EQ(go_on, at < job.to_resource());
    job.heartbeat();
  }
  job.tell();
  job.tell();
}

TEST(StudyAsk, WorkersThatRepeatEverythingEndLikeARun) {
  const Folder asked, run;
  Study study(asked.path, space(), options());
  for (int request = 0; !study.finished(20); ++request) {
    const std::string name = "request " + std::to_string(request);
    const auto job = study.ask({20, name});
    ASSERT_TRUE(job);
    const auto again = study.ask({20, name});
    ASSERT_TRUE(again);
    EXPECT_EQ(again->token(), job->token());
    EXPECT_EQ(again->config(), job->config());
    train_twice_over(study.attempt(job->token()));
  }
  EXPECT_FALSE(study.ask({20}));

  Study other(run.path, space(), options());
  other.run(
      [](TrialJob& job) {
        for (std::int64_t at = job.from_resource() + 1; at <= job.to_resource(); ++at)
          job.report(at, job.config().get<double>("x") + 1.0 / static_cast<double>(at));
      },
      {.trials = 20});
  ASSERT_EQ(study.trials().size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(study.trials()[i].losses, other.trials()[i].losses) << i;
    EXPECT_EQ(study.trials()[i].state, other.trials()[i].state) << i;
  }
}

TEST(StudyAsk, ALeaseThatRanOutIsTakenAwayWhenSomebodyAsks) {
  const Folder folder;
  StudyOptions short_lease = options();
  short_lease.lease_s = 0.05;
  Study study(folder.path, space(), short_lease);
  TrialJob late = *study.ask({1, "first"});
  const std::int64_t trial = late.trial();
  std::this_thread::sleep_for(std::chrono::milliseconds(80));
  if (late.to_resource() > 1) {
    late.report(1, 0.5);  // late, but nobody has asked: the lease begins anew
    EXPECT_FALSE(study.ask({1}));
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
  }
  TrialJob next = *study.ask({1, "second"});
  EXPECT_EQ(next.trial(), trial);
  EXPECT_NE(next.token(), late.token());
  EXPECT_THAT(study.trials()[0].message, HasSubstr("the lease of 0.05 s ran out"));
  EXPECT_THAT([&] { late.report(late.to_resource(), 0.1); }, says("attempt 1 of trial 0 is over"));
  EXPECT_THAT([&] { late.heartbeat(); }, says("attempt 1 of trial 0 is over"));
  EXPECT_THAT([&] { late.tell(); }, says("attempt 1 of trial 0 is over"));
  EXPECT_THAT([&] { late.release(); }, says("attempt 1 of trial 0 is over"));
  EXPECT_THAT([&] { late.save_checkpoint("x"); }, says("attempt 1 of trial 0 is over"));
  EXPECT_EQ(study.ask({1, "first"})->token(), late.token());  // the same name, the same attempt, over or not
  next.report(next.to_resource(), 0.25);
  next.tell();
  EXPECT_EQ(study.trials()[0].losses.at(next.to_resource()), 0.25);
}

TEST(StudyAsk, LeasesOutlastTheScheduler) {
  const Folder folder;
  std::string token;
  {
    Study study(folder.path, space(), options());
    TrialJob job = *study.ask({3, "a"});
    job.save_checkpoint("at 0");
    token = job.token();
  }
  Study study(folder.path, space(), options());
  EXPECT_EQ(study.trials()[0].state, TrialState::kRunning);
  EXPECT_EQ(study.ask({3, "a"})->token(), token);
  TrialJob job = study.attempt(token);
  EXPECT_TRUE(job.checkpoint());
  job.report(job.to_resource(), 0.5);
  job.tell();
  EXPECT_NE(study.trials()[0].state, TrialState::kRunning);
}

TEST(StudyAsk, AJobThatWasHandedBackOrFailedIsHandedOutAgain) {
  const Folder folder;
  Study study(folder.path, space(), options());
  TrialJob first = *study.ask({1});
  first.release();
  first.release();
  TrialJob second = *study.ask({1});
  EXPECT_EQ(second.attempt(), 2);
  second.fail("no memory");
  second.fail("no memory");
  TrialJob third = *study.ask({1});
  third.fail("no memory either");
  EXPECT_EQ(study.trials()[0].state, TrialState::kFailed);
  EXPECT_EQ(study.trials()[0].message, "no memory either");
  EXPECT_TRUE(study.finished(1));
  EXPECT_FALSE(study.finished(2));
}

TEST(StudyAsk, TokensAndTellsAreChecked) {
  const Folder folder;
  Study study(folder.path, space(), options());
  using Wrong = std::invalid_argument;
  EXPECT_THAT([&] { study.attempt("0:1"); }, says<Wrong>("trial is 0, but must be from 0 to -1"));
  TrialJob job = *study.ask();
  EXPECT_THAT([&] { study.attempt("0:2"); }, says<Wrong>("attempt is 2, but must be from 1 to 1"));
  for (const char* token : {"", "0", "0:", ":1", "0:1 ", "x:1", "0:1:1"})
    EXPECT_THAT([&] { study.attempt(token); }, says<Wrong>("token is \"" + std::string(token) + "\", but must be one"))
        << token;
  EXPECT_THAT([&] { job.tell(); }, says<Wrong>("is done, but has not reported resource"));
  EXPECT_THAT([&] { job.report(1, std::vector{0.1, 0.2}); }, says<Wrong>("losses has 2 values, but must have 1"));
  EXPECT_THAT([&] { study.ask({-1}); }, says<Wrong>("trials is -1, but must be at least 0"));
}

TEST(StudyAsk, ARunWaitsForThemAndTakesOverWhatTheyLose) {
  const Folder folder;
  StudyOptions short_lease = options();
  short_lease.lease_s = 0.05;
  Study study(folder.path, space(), short_lease);
  const TrialJob lost = *study.ask({4});
  study.run([](TrialJob& job) { job.report(job.to_resource(), 0.5); }, {.trials = 4});
  EXPECT_EQ(study.trials()[0].attempts, 2 + static_cast<int>(study.trials()[0].losses.size()) - 1);
  EXPECT_TRUE(study.finished(4));
}

TEST(StudyEnqueue, LastsAndComesFirst) {
  const Folder folder;
  {
    Study study(folder.path, space(), options());
    study.enqueue({{{"x", 0.125}}});
    study.enqueue({{{"x", 0.25}}});
    EXPECT_THAT([&] { study.enqueue({{{"x", 2.0}}}); }, says<std::invalid_argument>("config[\"x\"] is 2"));
    EXPECT_EQ(study.ask({3})->config().get<double>("x"), 0.125);
  }
  Study study(folder.path, space(), options());
  EXPECT_EQ(study.ask({3})->config().get<double>("x"), 0.25);
  EXPECT_NE(study.ask({3})->config().get<double>("x"), 0.25);
}

}  // namespace
}  // namespace quorate
