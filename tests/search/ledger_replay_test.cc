// What was stored becomes the ledger that stored it, and what cannot have been stored is refused.
#include <gmock/gmock.h>

#include "quorate/core/error.h"
#include "search/ledger_fixture.h"

namespace quorate {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

auto says(const std::string& text) { return ThrowsMessage<std::invalid_argument>(HasSubstr(text)); }

TEST_F(LedgerTest, AfterOpeningLeasesBeginAnewAndTheProcessHoldsNothing) {
  begin();
  begin({});
  Ledger ledger = replayed();
  EXPECT_EQ(ledger.running(), 2);
  ledger.reopen(at(1000.0));
  EXPECT_TRUE(ledger.is_open(0, 1));
  EXPECT_FALSE(ledger.is_open(1, 1));
  EXPECT_EQ(ledger.state(1), TrialState::kWaiting);
  EXPECT_THAT(ledger.expire(2, at(1009.0)), IsEmpty());
  EXPECT_EQ(ledger.expire(2, at(1010.0)).size(), 1u);
  EXPECT_EQ(ledger.resume({}, at(1010.0))->job.trial, 0);
  // The log does not say that the second attempt is over: its next one does.
  const Event next = ledger.resume({}, at(1010.0)).value().event;
  Ledger again = replayed();
  again.apply(next);
  EXPECT_TRUE(again.is_open(1, 2));
  EXPECT_EQ(again.running(), 2);
}

TEST_F(LedgerTest, AnEventThatCannotHaveHappenedIsRefused) {
  const Job job = begin_in_lowest();
  const Event start = log_.back();
  report(job.trial, 1, 1, 0.5);
  const Event reported = log_.back();
  log_.push_back(ledger_.released(job.trial, 1, at(0.0)).value());
  const Event released = log_.back();
  const auto after = [this](const Event& event) { return [this, event] { replayed().apply(event); }; };
  const std::string number = std::to_string(job.trial);
  EXPECT_THAT(after(start), says("trial " + number + " began, but the next must be " + std::to_string(job.trial + 1)));
  EXPECT_THAT(after(reported), says("trial " + number + " reported resource 1 twice"));
  EXPECT_THAT(after(released), says("attempt 1 of trial " + number + " was released twice"));
  EXPECT_THAT(after({.kind = EventKind::kDropped, .trial = job.trial}),
              says("the checkpoint of trial " + number + " was dropped twice"));
  EXPECT_THAT(after({.kind = EventKind::kStart, .trial = 99, .attempt = 1}), says("trial 99 went on, but cannot have"));
  EXPECT_THAT(after({.kind = EventKind::kStart, .trial = job.trial, .attempt = 5}),
              says("attempt 5 of trial " + number + " began, but the next must be 2"));
  EXPECT_THAT([&] { replayed().apply({.kind = EventKind::kStart, .trial = job.trial + 1, .attempt = 1, .text = "{}"}); },
              ThrowsMessage<FileError>(HasSubstr("x is missing")));

  EXPECT_EQ(resume()->attempt, 2);
  EXPECT_THAT(after({.kind = EventKind::kStart, .trial = job.trial, .attempt = 3}),
              says("attempt 2 of trial " + number + " is still held"));
  fail(job.trial, 2, 2);
  EXPECT_THAT(after(log_.back()), says("attempt 2 of trial " + number + " failed twice"));
  resume();
  report(job.trial, 3, 1, 0.5);
  finish(job.trial, 3);
  EXPECT_THAT(after(log_.back()), says("trial " + number + " was done twice"));

  log_.push_back(ledger_.enqueue({{{"x", 0.5}}}, at(0.0)));
  EXPECT_THAT(after({.kind = EventKind::kStart, .trial = job.trial + 1, .attempt = 1, .text = "{\"x\":0.25}"}),
              says("began with {\"x\":0.25}, but must have what was enqueued, {\"x\":0.5}"));
}

}  // namespace
}  // namespace quorate
