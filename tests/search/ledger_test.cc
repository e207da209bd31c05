#include "search/ledger.h"

#include <gmock/gmock.h>

#include <limits>

#include "search/ledger_fixture.h"

namespace quorate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::ThrowsMessage;

constexpr double kInf = std::numeric_limits<double>::infinity();

auto says(const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); }
auto over() { return ThrowsMessage<AttemptOver>(HasSubstr("is over and can no longer change the study")); }

TEST_F(LedgerTest, HandsOutWhatWaitsThenPromotionsThenNewTrials) {
  std::vector<Job> jobs;
  for (const double loss : {0.3, 0.2, 0.1}) {
    jobs.push_back(begin_in_lowest());
    finish(jobs.back(), loss);
  }
  const Ledger::Started held = begin();
  log_.push_back(ledger_.released(held.job.trial, 1, at(0.0)).value());
  EXPECT_EQ(ledger_.state(held.job.trial), TrialState::kWaiting);
  EXPECT_FALSE(ledger_.finished(1));
  const auto again = resume();
  EXPECT_EQ(again->job, held.job);
  EXPECT_EQ(again->attempt, 2);
  const auto promoted = resume();
  EXPECT_EQ(promoted->job.trial, jobs[2].trial);
  EXPECT_EQ(promoted->job.from_resource, 1);
  EXPECT_EQ(promoted->job.to_resource, 3);
  EXPECT_EQ(promoted->attempt, 2);
  EXPECT_FALSE(resume());
  EXPECT_EQ(ledger_.running(), 2);
  EXPECT_EQ(ledger_.job(jobs[2].trial, 1), jobs[2]);  // what its first attempt was at
}

TEST_F(LedgerTest, OfSeveralThatWaitTheEarliestTrialIsFirst) {
  for (int i = 0; i < 3; ++i) begin();
  for (const std::int64_t trial : {2, 0, 1}) log_.push_back(ledger_.released(trial, 1, at(0.0)).value());
  for (const std::int64_t trial : {0, 1, 2}) EXPECT_EQ(resume()->job.trial, trial);
}

TEST_F(LedgerTest, ARequestIsRemembered) {
  EXPECT_EQ(ledger_.asked("a"), std::nullopt);
  begin({.lease_s = 10.0, .request = "a"});
  begin();
  EXPECT_EQ(ledger_.asked("a"), std::pair(std::int64_t{0}, 1));
  EXPECT_EQ(ledger_.asked(""), std::nullopt);
  fail(0, 1, 1);
  EXPECT_EQ(replayed().asked("a"), std::pair(std::int64_t{0}, 1));
}

TEST_F(LedgerTest, ConfigurationsAreEnqueuedProposedOrDrawn) {
  const auto config = [](double x) { return Config{{{"x", x}}}; };
  log_.push_back(ledger_.enqueue(config(0.25), at(0.0)));
  log_.push_back(ledger_.enqueue(config(0.75), at(0.0)));
  const std::vector<double> expected = {0.25, 0.75, 0.5};
  for (const double x : expected) {
    log_.push_back(ledger_.begin({}, at(0.0), config(0.5)).event);
    EXPECT_EQ(log_.back().text, to_json(config(x)));
  }
  begin();
  AsyncHyperband alone(space_, options_);
  for (int i = 0; i < 3; ++i) alone.begin();
  const Config drawn = alone.begin().config;
  EXPECT_EQ(ledger_.trial(3).config, drawn);
  EXPECT_EQ(replayed().trial(3).config, drawn);
  EXPECT_EQ(replayed().trial(1).config, config(0.75));
  EXPECT_THAT([&] { ledger_.enqueue(config(1.5), at(0.0)); }, says("x"));
}

TEST_F(LedgerTest, TheSameReportHasTheSameAnswerAndLeavesNothing) {
  const Job job = begin_in_lowest();
  EXPECT_FALSE(report(job.trial, 1, 1, 0.5));
  const std::size_t events = log_.size();
  EXPECT_FALSE(report(job.trial, 1, 1, 0.7));
  finish(job.trial, 1);
  EXPECT_FALSE(report(job.trial, 1, 1, 0.5));  // the answer was lost: also after the end
  EXPECT_EQ(log_.size(), events + 1);
  EXPECT_THAT(ledger_.trial(job.trial).losses, ElementsAre(Pair(1, 0.5)));
}

TEST_F(StoppingLedgerTest, ALateAttemptChangesNothing) {
  begin();
  EXPECT_TRUE(report(0, 1, 1, 0.5));
  fail(0, 1, 2);
  resume();
  EXPECT_TRUE(report(0, 2, 2, 0.4));
  const Trial before = ledger_.trial(0);
  EXPECT_TRUE(report(0, 1, 1, 0.5));                   // the answer that it once had
  EXPECT_THAT([&] { report(0, 1, 2, 0.3); }, over());  // the second attempt's
  EXPECT_THAT([&] { report(0, 1, 5, 0.3); }, over());
  EXPECT_THAT([&] { ledger_.heartbeat(0, 1, at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.done(0, 1, at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.released(0, 1, at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.note(0, 1, "late", at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.checkpoint(0, 1, {1, "sha", 5}, at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.check_open(0, 1); }, over());
  EXPECT_EQ(ledger_.failed(0, 1, "again", 2, at(0.0)), std::nullopt);
  EXPECT_EQ(to_json(ledger_.trial(0)), to_json(before));
  EXPECT_TRUE(ledger_.is_open(0, 2));
}

TEST_F(StoppingLedgerTest, WhatAnEarlierAttemptReportedStands) {
  begin();
  EXPECT_TRUE(report(0, 1, 4, 0.5));
  fail(0, 1, 2);
  resume();
  EXPECT_TRUE(report(0, 2, 2, 0.9));  // between: history
  EXPECT_TRUE(report(0, 2, 4, 0.1));
  EXPECT_FALSE(report(0, 2, 9, 0.2));
  EXPECT_THAT(ledger_.trial(0).losses, ElementsAre(Pair(2, 0.9), Pair(4, 0.5), Pair(9, 0.2)));
  EXPECT_EQ(ledger_.state(0), TrialState::kRunning);
  finish(0, 2);
  EXPECT_EQ(ledger_.state(0), TrialState::kCompleted);
}

TEST_F(StoppingLedgerTest, AStopIsToldOnceMoreToAnAttemptThatHasNotHeardOfIt) {
  const Job good = begin_in_lowest(), bad = begin_in_lowest();
  EXPECT_TRUE(report(good.trial, 1, 1, 0.1));
  EXPECT_FALSE(report(bad.trial, 1, 1, 0.2));
  EXPECT_TRUE(ledger_.fulfilled(bad.trial));
  fail(bad.trial, 1, 2);
  EXPECT_EQ(resume()->job.trial, bad.trial);
  EXPECT_FALSE(report(bad.trial, 2, 2, 0.05));  // from a checkpoint at 1; not kept
  EXPECT_FALSE(report(bad.trial, 2, 2, 0.05));
  EXPECT_THAT([&] { report(bad.trial, 2, 3, 0.05); },
              says("resource is 3, but trial " + std::to_string(bad.trial) + " was stopped at 1"));
  EXPECT_THAT(ledger_.trial(bad.trial).losses, ElementsAre(Pair(1, 0.2)));
  finish(bad.trial, 2);
  EXPECT_EQ(ledger_.state(bad.trial), TrialState::kStopped);
}

TEST_F(StoppingLedgerTest, AStoppedTrialHasNotFailedThoughItsLastAttemptHas) {
  const Job good = begin_in_lowest(), bad = begin_in_lowest();
  report(good.trial, 1, 1, 0.1);
  report(bad.trial, 1, 1, 0.2);
  fail(bad.trial, 1, 1);
  EXPECT_EQ(log_.back().kind, EventKind::kGaveUp);
  EXPECT_EQ(ledger_.state(bad.trial), TrialState::kStopped);
}

TEST_F(StoppingLedgerTest, ReportsOutOfRangeOrOrderAreRefused) {
  begin();
  report(0, 1, 4, 0.5);
  EXPECT_THAT([&] { report(0, 1, 0, 0.5); }, says("resource is 0, but must be from 1 to 9, the job's to_resource"));
  EXPECT_THAT([&] { report(0, 1, 10, 0.5); }, says("resource is 10, but must be from 1 to 9"));
  EXPECT_THAT([&] { report(0, 1, 3, 0.5); }, says("resource is 3, but must be at least 4, the last that this attempt of"));
  EXPECT_THAT([&] { report(0, 2, 5, 0.5); }, says("attempt is 2, but must be from 1 to 1, as often as trial 0 was"));
  EXPECT_THAT([&] { report(1, 1, 5, 0.5); }, says("trial is 1, but must be from 0 to 0"));
  const std::vector<double> two = {0.1, 0.2};
  EXPECT_THAT([&] { ledger_.report(0, 1, 5, two, at(0.0)); }, says("losses has 2 values, but must have 1"));
  EXPECT_THAT(ledger_.trial(0).losses, ElementsAre(Pair(4, 0.5)));
}

TEST_F(LedgerTest, DoneIsAcceptedOnceAndNotBeforeTheLastReport) {
  const Job job = begin_in_lowest();
  EXPECT_THAT([&] { finish(job.trial, 1); }, says("is done, but has not reported resource 1"));
  finish(job, 0.5);
  EXPECT_EQ(ledger_.done(job.trial, 1, at(0.0)), std::nullopt);
  EXPECT_EQ(ledger_.state(job.trial), TrialState::kPaused);
  EXPECT_THAT([&] { ledger_.failed(job.trial, 1, "late", 2, at(0.0)); }, over());
  EXPECT_THAT([&] { ledger_.done(job.trial, 2, at(0.0)); }, over());
}

TEST_F(LedgerTest, FailuresCountForOneJobAndReleasesDoNot) {
  const Job job = begin_in_lowest();
  fail(job.trial, 1, 2);
  EXPECT_EQ(log_.back().kind, EventKind::kFailed);
  EXPECT_EQ(ledger_.state(job.trial), TrialState::kWaiting);
  resume();
  log_.push_back(ledger_.released(job.trial, 2, at(0.0)).value());
  EXPECT_EQ(ledger_.released(job.trial, 2, at(0.0)), std::nullopt);
  resume();
  report(job.trial, 3, 1, 0.1);
  finish(job.trial, 3);
  for (const double loss : {0.2, 0.3}) finish(begin_in_lowest(), loss);
  EXPECT_EQ(resume()->job.trial, job.trial);  // promoted: a new job, with failures of its own
  fail(job.trial, 4, 2);
  EXPECT_EQ(log_.back().kind, EventKind::kFailed);
  EXPECT_EQ(resume()->attempt, 5);
  fail(job.trial, 5, 2);
  EXPECT_EQ(log_.back().kind, EventKind::kGaveUp);
  EXPECT_EQ(ledger_.state(job.trial), TrialState::kFailed);
  EXPECT_EQ(ledger_.trial(job.trial).message, "why");
  EXPECT_EQ(resume()->job.to_resource, 3);  // the next best has its place
}

TEST_F(LedgerTest, ALeaseRunsOutAfterItsTimeAndWhenSomebodyLooks) {
  begin();
  EXPECT_THAT(ledger_.expire(2, at(9.5)), IsEmpty());
  ledger_.heartbeat(0, 1, at(9.5));
  EXPECT_THAT(ledger_.expire(2, at(19.0)), IsEmpty());
  report(0, 1, 1, 0.5, 30.0);  // nobody has looked meanwhile: it goes on
  report(0, 1, 1, 0.5, 35.0);
  EXPECT_THAT(ledger_.expire(2, at(44.5)), IsEmpty());
  const std::vector<Event> events = ledger_.expire(2, at(45.0));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, EventKind::kFailed);
  EXPECT_EQ(events[0].text, "the lease of 10 s ran out without a report or a heartbeat");
  EXPECT_THAT([&] { ledger_.heartbeat(0, 1, at(45.0)); }, over());
  EXPECT_EQ(resume(50.0)->attempt, 2);
  EXPECT_EQ(ledger_.expire(1, at(60.0)).at(0).kind, EventKind::kGaveUp);
}

TEST_F(LedgerTest, WhatTheProcessHoldsHasNoLease) {
  begin({});
  EXPECT_THAT(ledger_.expire(1, at(1e9)), IsEmpty());
  EXPECT_EQ(log_[0].lease_s, 0.0);
}

TEST_F(LedgerTest, ANoteIsTheTrialsMessage) {
  begin();
  EXPECT_EQ(ledger_.note(0, 1, "no checkpoint", at(0.0))->kind, EventKind::kNote);
  EXPECT_EQ(ledger_.trial(0).message, "no checkpoint");
  EXPECT_EQ(ledger_.note(0, 1, "no checkpoint", at(0.0)), std::nullopt);
}

TEST_F(LedgerTest, ATrialHasOneCheckpointAndTheirBytesAreCounted) {
  begin();
  begin();
  EXPECT_FALSE(ledger_.checkpoint(0));
  EXPECT_EQ(ledger_.drop_checkpoint(0, at(0.0)), std::nullopt);
  log_.push_back(ledger_.checkpoint(0, 1, {1, "a", 100}, at(0.0)));
  log_.push_back(ledger_.checkpoint(1, 1, {1, "b", 30}, at(0.0)));
  log_.push_back(ledger_.checkpoint(0, 1, {3, "c", 50}, at(0.0)));
  EXPECT_EQ(ledger_.checkpoint_bytes(), 80);
  EXPECT_EQ(ledger_.checkpoint(0)->sha256, "c");
  EXPECT_EQ(ledger_.checkpoint(0)->resource, 3);
  log_.push_back(ledger_.drop_checkpoint(1, at(0.0)).value());
  EXPECT_EQ(replayed().checkpoint_bytes(), 50);
  EXPECT_FALSE(replayed().checkpoint(1));
}

TEST_F(LedgerTest, TheBestIsAtTheHighestResourceWithAFiniteLoss) {
  EXPECT_EQ(ledger_.best(), std::nullopt);
  std::vector<Job> jobs;
  for (const double loss : {kInf, 0.2, 0.1, 0.2}) {
    jobs.push_back(begin_in_lowest());
    finish(jobs.back(), loss);
  }
  EXPECT_EQ(ledger_.best(), (Ledger::Best{jobs[2].trial, 1, 0.1}));
  EXPECT_EQ(resume()->job.trial, jobs[2].trial);
  report(jobs[2].trial, 2, 3, 7.0);
  EXPECT_EQ(ledger_.best(), (Ledger::Best{jobs[2].trial, 3, 7.0}));
  fail(jobs[2].trial, 2, 1);
  EXPECT_EQ(ledger_.best(), (Ledger::Best{jobs[1].trial, 1, 0.2}));
  EXPECT_EQ(replayed().best(), ledger_.best());
  EXPECT_EQ(ledger_.states().at(TrialState::kPaused), 3);
  EXPECT_EQ(replayed().states(), ledger_.states());
}

TEST_F(LedgerTest, TimesAreThoseOfTheFirstAttemptAndTheLastChange) {
  begin({.lease_s = 10.0}, 5.0);
  report(0, 1, 1, 0.5, 7.0);
  ledger_.heartbeat(0, 1, at(8.0));
  EXPECT_EQ(ledger_.trial(0).started_s, 1'000'005.0);
  EXPECT_EQ(ledger_.trial(0).changed_s, 1'000'007.0);
}

TEST_F(LedgerTest, TrialsAndAttemptsThatNeverWereAreRefused) {
  EXPECT_THAT([&] { ledger_.trial(0); }, says("trial is 0, but must be from 0 to -1"));
  begin();
  EXPECT_THAT([&] { ledger_.job(0, 2); }, says("attempt is 2, but must be from 1 to 1, as often as trial 0 was handed out"));
  EXPECT_THAT([&] { ledger_.heartbeat(-1, 1, at(0.0)); }, says("trial is -1, but must be from 0 to 0"));
  EXPECT_FALSE(ledger_.is_open(0, 2));
}

}  // namespace
}  // namespace quorate
